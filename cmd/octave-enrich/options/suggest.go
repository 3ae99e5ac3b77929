package options

import (
	"fmt"

	"octave-enrich/reader"
)

// DidYouMean suggests the nearest of names, or nothing.
func DidYouMean(word string, names []string) string {
	if meant := reader.Nearest(word, names); meant != "" {
		return fmt.Sprintf("; did you mean %q?", meant)
	}
	return ""
}
