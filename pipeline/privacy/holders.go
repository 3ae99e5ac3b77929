package privacy

import (
	"bufio"
	"errors"
	"io"
	"os"
	"slices"

	"octave-enrich/reader"
)

// holds says whether a file of rows still has the person in it, whatever its
// format: in what the reader understands as a contact, or in any cell.
func (e *Erasure) holds(path string) (bool, error) {
	if _, err := os.Stat(path); err != nil {
		return false, err
	}
	in, err := reader.Open([]string{path}, reader.Options{})
	if _, ok := errors.AsType[*reader.MappingError](err); ok {
		return e.holdsText(path) // no column says whom a row is about
	}
	if err != nil {
		return false, err
	}
	defer in.Close()
	for contact, err := range in.Contacts() {
		if err != nil {
			return false, err
		}
		if e.hasContact(contact) {
			return true, nil
		}
	}
	return false, nil
}

func (e *Erasure) hasContact(c reader.Contact) bool {
	c.Person.CRMAccountID = "" // the id of a company
	if _, hit := e.list.Match(c.Person); hit {
		return true
	}
	if e.inText(c.Object) || e.inText([]byte(c.Raw)) {
		return true
	}
	return slices.ContainsFunc(c.Cells, func(cell string) bool {
		return slices.Contains(e.ids, cell) || e.inText([]byte(cell))
	})
}

// holdsText looks at a file line by line; an address has no line end in it.
func (e *Erasure) holdsText(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if e.inText(line) {
			return true, nil
		}
		if err == io.EOF {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
}
