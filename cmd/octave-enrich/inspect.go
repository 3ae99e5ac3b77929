package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/reader"
)

func newInspect(a *app) *cobra.Command {
	o := &options.Options{}
	var write string
	cmd := &cobra.Command{
		Use:   "inspect INPUT...",
		Short: "How a list is understood: format, encoding, column mapping",
		Example: `  octave-enrich inspect people.csv
  octave-enrich inspect people.csv --map jobTitle=Role --write people.map
  octave-enrich run people.csv --map-file people.map`,
		Args: help.Args(cobra.MinimumNArgs(1)),
	}
	fs := cmd.Flags()
	o.List.Flags(fs)
	o.JSONFlag(fs)
	o.ConfigFlag(fs)
	fs.StringVar(&write, "write", "", "pin the mapping in `FILE`, for --map-file")
	cmd.RunE = options.Configured(o, func(_ *cobra.Command, inputs []string) error { return a.inspect(o, inputs, write) })
	return cmd
}

func (a *app) inspect(o *options.Options, inputs []string, write string) error {
	files := &paths.List{}
	files.Inputs(inputs, nil)
	files.Settings(o)
	files.Replaces("--write", write)
	if err := errors.Join(files.Check(), files.Folders()); err != nil {
		return err
	}
	if err := mayReplaceMap(write); err != nil {
		return err
	}
	if err := paths.RefuseCheckpoint(inputs); err != nil {
		return err
	}
	opt, err := o.List.ReaderOptions(a.stdin)
	if err != nil {
		return err
	}
	in, err := reader.Open(inputs, opt)
	if err != nil {
		return exit.InputError(err)
	}
	defer in.Close()
	if err := o.Suits(in.Profile().Files); err != nil {
		return err
	}
	profile := *in.Profile()
	if err := in.Overlooked(); err != nil {
		profile.Notes = append(slices.Clone(profile.Notes), lists.StopsHere(err))
	}
	if o.JSON {
		err = words.WriteJSON(a.stdout, profile)
	} else {
		err = lists.PrintProfile(a.stdout, &profile)
	}
	if err != nil {
		return err
	}
	if write == "" {
		if !o.JSON && len(a.args) > 0 && a.args[0] == "inspect" {
			next(a.stdout, a.instead("plan", map[string]bool{"json": false}))
		}
		return nil
	}
	if err := in.MapFile().Write(write); err != nil {
		return exit.OutputError(err)
	}
	fmt.Fprintf(a.stderr, "wrote the mapping to %s; use it with --map-file %s\n", write, words.Quote(write))
	return nil
}

// mayReplaceMap lets a mapping file be replaced by another one, and nothing else.
func mayReplaceMap(path string) error {
	if path == "" || !paths.Exists(path) {
		return nil
	}
	if _, err := reader.ReadMapFile(path); err != nil {
		return &exit.Error{Code: exit.Output, Err: fmt.Errorf("--write %s exists and is not a mapping file", path), Hint: "choose another file, or move it away"}
	}
	return nil
}
