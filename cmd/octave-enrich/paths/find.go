package paths

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// Found is a command over one checkpoint that takes the list or an output, too.
func Found(list []string, do func(checkpoint string) error) error {
	path, err := Checkpoint(list[0])
	if err != nil {
		return err
	}
	return do(path)
}

// Checkpoint returns the checkpoint that a command is about when it is given a
// checkpoint, an output, or the list of a run.
func Checkpoint(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return "", &exit.Error{Code: exit.Input, Err: fmt.Errorf("%s is a folder; name a checkpoint, an output or a list", path)}
	case err == nil && IsCheckpoint(path):
		return path, nil
	}
	for _, candidate := range []string{path + ".checkpoint", options.DefaultOutput(path, "") + ".checkpoint", strings.TrimSuffix(path, ".partial") + ".checkpoint"} {
		if Exists(candidate) {
			return candidate, nil
		}
	}
	if err != nil {
		return "", exit.NoFile(path, err)
	}
	if strings.HasSuffix(path, ".checkpoint") {
		return path, nil // whoever opens it says what is wrong with it
	}
	used := checkpointsOf(path, "")
	switch len(used) {
	case 0:
		return "", &exit.Error{Code: exit.Damaged, Err: fmt.Errorf("%s is no checkpoint, and there is none of it: neither %s.checkpoint nor %s.checkpoint", path, options.DefaultOutput(path, ""), path),
			Hint: fmt.Sprintf("if it is a list that was not run yet: %s run %s\nif its answers are elsewhere, name the checkpoint itself", words.Tool, words.Quote(path))}
	case 1:
		return used[0], nil
	}
	return "", &exit.Error{Code: exit.Usage, Err: fmt.Errorf("%s was run with several checkpoints", path), Hint: "name one of " + strings.Join(used, ", ")}
}

// LeadsTo says whether a command that is given the list alone finds this checkpoint,
// whose last run was about the list.
func LeadsTo(list, own string) bool {
	if path := options.DefaultOutput(list, "") + ".checkpoint"; Exists(path) {
		return path == own
	}
	if path := list + ".checkpoint"; path != own && Exists(path) {
		return false
	}
	return slices.Equal(checkpointsOf(list, own), []string{own})
}

// checkpointsOf lists the checkpoints beside a list whose last run was about it. Of
// own that is known; it is not read.
func checkpointsOf(path, own string) (used []string) {
	for _, neighbour := range Beside(path, "") {
		if neighbour == own {
			used = append(used, own)
			continue
		}
		journal, err := checkpoint.Open(neighbour, checkpoint.Options{ReadOnly: true})
		if err != nil {
			continue
		}
		if last, ok := pipeline.LastRun(journal.RunRecords()); ok && filepath.Base(last.Input.Name) == filepath.Base(path) {
			used = append(used, neighbour)
		}
		_ = journal.Close() // only read
	}
	return used
}

// IsCheckpoint says whether a file begins as checkpoints do.
func IsCheckpoint(path string) bool {
	_, err := Header(path)
	return err == nil
}

// RefuseCheckpoint refuses a checkpoint in the place of a list.
func RefuseCheckpoint(inputs []string) error {
	for _, path := range inputs {
		if IsCheckpoint(path) {
			return &exit.Error{Code: exit.Input, Err: fmt.Errorf("%s is a checkpoint, not a list", path),
				Hint: "name the list that it is about; what it holds says: " + words.Tool + " status " + words.Quote(path)}
		}
	}
	return nil
}

// Header reads the first record of a checkpoint.
func Header(path string) (checkpoint.Header, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrInvalid // reading from a pipe or a device could take for ever
	}
	if err != nil {
		return checkpoint.Header{}, err
	}
	return checkpoint.ReadHeader(path, nil)
}

const (
	mostBeside  = 8    // checkpoints that are looked at, newest first
	mostEntries = 5000 // files of a folder that are looked at
)

// Beside lists the other checkpoints of a service in the folder, the
// newest first; those of all services when none is named.
func Beside(path, service string) []string {
	all := neighbours(path, service)
	return all[:min(len(all), mostBeside)]
}

// neighbours is Beside without a bound.
func neighbours(path, service string) []string {
	folder := filepath.Dir(path)
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) > mostEntries {
		return nil
	}
	own, _ := os.Stat(path)
	type found struct {
		path string
		at   time.Time
	}
	var list []found
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		neighbour := filepath.Join(folder, entry.Name())
		info, err := os.Stat(neighbour)
		if err != nil || own != nil && os.SameFile(own, info) {
			continue
		}
		if header, err := Header(neighbour); err == nil && (service == "" || header.Service == service) {
			list = append(list, found{neighbour, info.ModTime()})
		}
	}
	slices.SortFunc(list, func(a, b found) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.path, b.path)) })
	paths := make([]string, len(list))
	for i, f := range list {
		paths[i] = f.path
	}
	return paths
}

// DefaultCheckpoint is the one that run would have used for these inputs.
func DefaultCheckpoint(o *options.Options, inputs []string) string {
	if len(inputs) == 1 && inputs[0] != "-" {
		if path := options.DefaultOutput(inputs[0], "") + ".checkpoint"; Exists(path) {
			return path
		}
		if beside, err := options.CheckpointOf(o.Output.Path); o.Output.Path != "" && (err != nil || Exists(beside)) {
			return ""
		}
		if used := checkpointsOf(inputs[0], ""); len(used) == 1 {
			return used[0]
		}
	}
	return ""
}

// Exists says whether there is a file at path.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
