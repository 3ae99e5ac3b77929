package main

import (
	"fmt"

	"octave-enrich/reader"
)

// didYouMean suggests the nearest of names, or nothing.
func didYouMean(word string, names []string) string {
	if meant := reader.Nearest(word, names); meant != "" {
		return fmt.Sprintf("; did you mean %q?", meant)
	}
	return ""
}
