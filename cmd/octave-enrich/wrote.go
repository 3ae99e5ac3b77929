package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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
	if len(output.Properties) > 0 {
		fmt.Fprintf(w, "before the import, create these properties of contacts: %s\n", strings.Join(output.Properties, ", "))
	}
}
