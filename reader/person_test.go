package reader

import (
	"reflect"
	"testing"

	"octave-enrich/reader/mapping"
)

// TestEveryFieldHasAColumn holds the tags of a Person, by which gocsv decodes
// it, to the header of the rows that it is decoded from: a field that is in one
// of them alone would stay empty without an error.
func TestEveryFieldHasAColumn(t *testing.T) {
	var tags []string
	for i := range reflect.TypeFor[Person]().NumField() {
		if tag := reflect.TypeFor[Person]().Field(i).Tag.Get("csv"); tag != "-" {
			tags = append(tags, tag)
		}
	}
	equal(t, "header", mapping.Header(), tags)
}
