package main

import (
	"fmt"
	"maps"
	"slices"

	"octave-enrich/writer"
)

// tellOutput says what was written, which rows are not in it and why, and what
// the sender has to know before it takes the file.
func tellOutput(w *console, output writer.Output) {
	if output.Path != "-" {
		fmt.Fprintf(w, "wrote %s (%s)\n", output.Path, count(output.Rows, "row"))
	}
	if output.Cut > 0 {
		fmt.Fprintf(w, "%s longer than a workbook holds, 32,767 characters, cut with a note: whole in the checkpoint, and in an export to .csv\n", count(output.Cut, "cell"))
	}
	if held := output.Held; held != nil && held.Rows > 0 {
		fmt.Fprintf(w, "held back %s in %s\n", count(held.Rows, "row"), held.Path)
		for _, why := range slices.Sorted(maps.Keys(held.Reasons)) {
			fmt.Fprintf(w, "  %d %s\n", held.Reasons[why], why)
		}
	}
	if output.Shortened > 0 {
		fmt.Fprintf(w, "cut %s to %s; --emails N chooses another number\n", count(output.Shortened, "longer sequence"), count(output.Emails, "message"))
	}
	for _, note := range output.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	if output.Rows == 0 || len(output.Next) == 0 {
		return
	}
	fmt.Fprintf(w, "next, in %s:\n", output.Sender)
	if output.Define != "" {
		fmt.Fprintf(w, "  first %s\n", output.Define)
	}
	for i, line := range output.Next {
		fmt.Fprintf(w, "  %d. %s\n", i+1, line)
	}
}
