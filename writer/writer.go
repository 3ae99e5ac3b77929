// Package writer turns rows into files: CSV, TSV, JSON lines and .xlsx, plain or compressed, in the generic shape that
// keeps every input column or in the exact shape that a sender imports.
//
// A [File] takes one [Row] per contact. While it is being written it is called PATH.partial; [File.Finish] makes it whole
// and durable and [File.Publish] gives it its own name, so that whoever sees PATH sees all of it. A file that was cut off
// holds nothing that cannot be written again: the answers live in the checkpoint.
//
// Input cells come out byte for byte as they came in. Generated text fills columns that are added behind them; a sequence
// longer than the header widens it for all rows, and nothing is dropped.
package writer

import (
	"encoding/json"
	"io"
)

// What became of a row, as it stands in octave_status.
const (
	StatusOK           = "ok"            // answered, with messages
	StatusNotFound     = "not_found"     // the service does not know the person
	StatusFailed       = "failed"        // asked, without a usable answer
	StatusInvalid      = "invalid"       // cannot be asked, the input says why
	StatusExcluded     = "excluded"      // on a do-not-contact list
	StatusNotAttempted = "not_attempted" // the run ended before its turn
)

// A Row is one contact as it came in, and what came of it.
type Row struct {
	Cells  []string        // the input cells, aligned with Options.Columns; fewer are padded
	Object json.RawMessage // of JSON input: the bytes of the object
	Raw    string          // of JSON input: a line that could not be read, verbatim

	Status    string // one of the Status words
	Error     string // why it is not ok, for people
	RequestID string
	Usage     string // as the service spelled it; a JSON number

	Emails     []Email
	Playbook   Entity
	Persona    Entity
	Product    Entity
	OutputType json.RawMessage // as the service sent it

	To Recipient // what presets are filled from
}

// An Email is one message of a sequence.
type Email struct {
	Subject       string
	Body          string // the text of the message, assembled
	CoreValueProp string
	Sections      json.RawMessage // as the service sent them
}

// An Entity is a playbook, persona or product that the service chose.
type Entity struct {
	Name string
	Raw  json.RawMessage // as the service sent it
}

// A Recipient is the person a sequence is for, in the normalised spelling of the request.
type Recipient struct {
	Email           string
	FirstName       string
	LastName        string
	JobTitle        string
	CompanyName     string
	CompanyDomain   string
	Website         string
	LinkedInProfile string
	CRMContactID    string
}

// Options say what a file looks like.
type Options struct {
	// Format is csv, tsv, jsonl or xlsx; the first three also with .gz or .zst behind. Empty: as the name of the file says.
	Format string

	// Columns are the names of the input columns, unique, in order. For JSON input they are all top-level keys.
	Columns []string

	// Header are the names of Columns as the input spells them, blank or several times the same; nil when they are
	// Columns. Generic tables repeat them as they are.
	Header []string

	// Emails is the number of messages that the header has room for at least. With a preset it is the number of steps: a
	// longer sequence is cut to it, a shorter one held back, and 0 is the commonest length.
	Emails int

	// Preset is a name out of Presets, "outreach:20" to begin at that custom field, or empty or "generic" for the shape that keeps everything.
	Preset string

	// Earlier are the people of earlier files of the preset: their rows are left out of this one. Nil is nobody.
	Earlier map[Person]bool

	// Rule judges the texts of a preset, which needs one.
	Rule Rule

	// Excel adds a byte order mark and puts an apostrophe before cells that a spreadsheet would take for formulas.
	// It is for generic CSV and TSV; the cells of .xlsx are text in any case.
	Excel bool

	// Thread empties the subjects after the first, which senders take for "reply in the same thread"; a preset has no
	// columns for them then.
	Thread bool

	// Keep names the input columns that appear: all of them in the generic shape when it is empty, none in a preset.
	Keep []string

	// Stdout receives the rows when the path is "-".
	Stdout io.Writer

	// SpoolDir is where rows for Stdout wait until their header is known; empty: the system's directory for such files.
	SpoolDir string
}

// A Sink takes rows in the order of the input.
type Sink interface {
	Write(Row) error
}

// Output describes a finished file.
type Output struct {
	Path    string   // resolved, where Publish puts it; "-" for standard output
	SHA256  string   // of the bytes of the file, in hex
	Bytes   int64    // size of the file
	Rows    int      // without the header
	Columns []string // the header; nil for JSON lines
	Emails  int      // messages that the header has room for, or the longest sequence for JSON lines

	// Held are the rows that a preset held back, in a file of their own; nil in the generic shape.
	Held *Output
	// Reasons count the rows of a held file by why they are there; nil for any other file.
	Reasons map[string]int
	// Cut counts the cells that a workbook has no room for: they end with a note.
	Cut int
	// Of a preset: what the sender is called, how many sequences were cut to the steps of the file, how many messages after
	// the second got the subject of a reply, what has to be created there before the import (empty where the import does
	// it), what else to know, and what to do with the file.
	Sender             string
	Shortened, Replies int
	Define             string
	Notes              []string
	Next               []string
	// People are those in the file of a preset, by address and by record id, Profiles the same by profile, as far as they
	// have one, and LeftOut the rows of Options.Earlier.
	People, Profiles []Person
	LeftOut          int
}

// OptionsError says that the options contradict each other or the name of the file: the caller's mistake, not the disk's.
type OptionsError struct {
	Msg  string
	Hint string // what to type instead; may be empty
}

// Error returns the message without the hint.
func (e *OptionsError) Error() string { return e.Msg }
