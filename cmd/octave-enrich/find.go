package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
)

// found is a command over one checkpoint that takes the list or an output, too.
func found(list []string, do func(checkpoint string) error) error {
	path, err := findCheckpoint(list[0])
	if err != nil {
		return err
	}
	return do(path)
}

// findCheckpoint returns the checkpoint that a command is about when it is given a
// checkpoint, an output, or the list of a run.
func findCheckpoint(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return "", &exit.Error{Code: exit.Input, Err: fmt.Errorf("%s is a folder; name a checkpoint, an output or a list", path)}
	case err == nil && isCheckpoint(path):
		return path, nil
	}
	for _, candidate := range []string{path + ".checkpoint", options.DefaultOutput(path, "") + ".checkpoint", strings.TrimSuffix(path, ".partial") + ".checkpoint"} {
		if exists(candidate) {
			return candidate, nil
		}
	}
	if err != nil {
		return "", exit.NoFile(path, err)
	}
	if strings.HasSuffix(path, ".checkpoint") {
		return path, nil // whoever opens it says what is wrong with it
	}
	used := checkpointsOf(path)
	switch len(used) {
	case 0:
		return "", &exit.Error{Code: exit.Damaged, Err: fmt.Errorf("%s is no checkpoint, and there is none of it: neither %s.checkpoint nor %s.checkpoint", path, options.DefaultOutput(path, ""), path),
			Hint: fmt.Sprintf("if it is a list that was not run yet: %s run %s\nif its answers are elsewhere, name the checkpoint itself", words.Tool, words.Quote(path))}
	case 1:
		return used[0], nil
	}
	return "", &exit.Error{Code: exit.Usage, Err: fmt.Errorf("%s was run with several checkpoints", path), Hint: "name one of " + strings.Join(used, ", ")}
}

// checkpointsOf lists the checkpoints beside a list whose last run was about it.
func checkpointsOf(path string) (used []string) {
	for _, neighbour := range checkpointsBeside(path, "") {
		journal, err := checkpoint.Open(neighbour, checkpoint.Options{ReadOnly: true})
		if err != nil {
			continue
		}
		if last, ok := lastRun(journal); ok && filepath.Base(last.Input.Name) == filepath.Base(path) {
			used = append(used, neighbour)
		}
		journal.Close()
	}
	return used
}

// isCheckpoint says whether a file begins as checkpoints do.
func isCheckpoint(path string) bool {
	_, err := headerOf(path)
	return err == nil
}

// headerOf reads the first record of a checkpoint.
func headerOf(path string) (checkpoint.Header, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrInvalid // reading from a pipe or a device could take for ever
	}
	if err != nil {
		return checkpoint.Header{}, err
	}
	return checkpoint.ReadHeader(path, nil)
}
