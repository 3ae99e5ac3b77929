package reader

import (
	"fmt"
	"strings"

	"octave-enrich/reader/mapping"
	"octave-enrich/reader/person"
)

// A Profile is what Open found out about the input.
type Profile struct {
	Files      []FileProfile  `json:"files"`
	Rows       int            `json:"rows"`       // contacts over all files
	Sendable   int            `json:"sendable"`   // those that can be sent
	Invalid    map[string]int `json:"invalid"`    // the others, by reason
	Duplicates int            `json:"duplicates"` // sendable rows that say the same as an earlier one
	Addresses  int            `json:"addresses"`  // sendable rows with an address
	Repeated   int            `json:"repeated"`   // sendable rows about the person (address and name) of an earlier one, with other data
	OptOut     map[string]int `json:"opt_out"`    // rows that a column such as Unsubscribed speaks against, by its header
	Traps      []Trap         `json:"traps"`
	Notes      []string       `json:"notes"`  // one line each, to be printed: guesses, renamed columns, ragged rows
	SHA256     string         `json:"sha256"` // of the bytes of the file; of the files' sums when there are several
}

// Told are the lines that a person should read before anything is paid: the
// notes, and what to look at.
func (p *Profile) Told() []string {
	told := append([]string{}, p.Notes...)
	for _, t := range p.Traps {
		told = append(told, t.Told())
	}
	return told
}

// A FileProfile is what was found out about one file.
type FileProfile struct {
	Name        string              `json:"name"`
	Path        string              `json:"path"`        // as it was named; "-" for standard input
	Format      string              `json:"format"`      // csv, tsv, jsonl or xlsx
	Compression string              `json:"compression"` // gzip, zstd or empty
	Encoding    string              `json:"encoding"`    // empty for a workbook
	Delimiter   string              `json:"delimiter"`   // one character, "tab", or empty
	Sheet       string              `json:"sheet"`       // of a workbook
	HeaderLine  int                 `json:"header_line"` // physical line, 0 for JSONL
	Preamble    int                 `json:"preamble_lines"`
	Footer      int                 `json:"footer_lines"` // records with one field behind the last contact
	Empty       int                 `json:"empty_rows"`   // records without a value behind the last contact
	Rows        int                 `json:"rows"`         // contacts
	Columns     []string            `json:"columns"`
	Mapping     []mapping.Mapping   `json:"mapping"`
	Rejected    []mapping.Rejection `json:"rejected"`
	Fates       []mapping.Fate      `json:"fates"`     // of every column, in order
	NotFound    []Field             `json:"not_found"` // what a question is made of that no column feeds
	SHA256      string              `json:"sha256"`
}

// A Trap is something about the values that a person should know before
// paying for them.
type Trap struct {
	Kind string `json:"kind"` // such as "shared inbox"
	Rows int    `json:"rows"`
	Row  int    `json:"first_row"`
	Line int    `json:"first_line"` // of its file
	File string `json:"first_file"` // "" when there is one file alone
}

// Doubtful says whether such rows may not be worth paying for.
func (t Trap) Doubtful() bool {
	return t.Kind == sharedInbox || t.Kind == freeMail || t.Kind == trapOf("", person.Placeholder) || strings.HasPrefix(t.Kind, badMail)
}

// Told is the line that a person should read.
func (t Trap) Told() string {
	return fmt.Sprintf("look at: %s in %s, first in %s", t.Kind, plural(t.Rows, "row"), t.Place())
}

// Place names the first row for people.
func (t Trap) Place() string { return place(t.Row, t.Line, t.File) }
