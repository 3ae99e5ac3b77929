package reader

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"

	"octave-enrich/reader/mapping"
	"octave-enrich/reader/person"
	"octave-enrich/reader/table"
)

// maxFooter is how many records with one field can be a footer: totals and
// notices are a few lines, more of them are a sparse list.
const maxFooter = 10

// A survey reads one file from its first row to its last and counts.
type survey struct {
	list  *list
	count Profile // of this file alone
	file  FileProfile
	seed  maphash.Seed
	said  said // by the sendable rows
	traps map[string]*Trap

	held []table.Record // records with one field that may be the footer

	unreadable *InputError // the first line that cannot be read
	badLines   lineList
	waiting    int      // of those that have a value
	read       int      // records so far
	line       int      // of the contact that is counted
	short      lineList // rows with fewer cells than the header
	long       lineList // rows with more
	extra      int      // cells beyond the header at most
	row        mapping.Row
}

func newSurvey(t *list, seed maphash.Seed) *survey {
	s := &survey{list: t, seed: seed, traps: map[string]*Trap{}}
	s.count = Profile{Invalid: map[string]int{}, OptOut: map[string]int{}}
	s.file = FileProfile{Name: t.name, Path: cmp.Or(t.Source.Path, "-"), Format: t.Format, Compression: t.Compression, Encoding: t.Encoding,
		Delimiter: t.Delimiter(), Sheet: t.Sheet, HeaderLine: t.Layout.Line, Preamble: t.Layout.Preamble}
	return s
}

// run reads the file, hashes its bytes, and writes down what was found.
func (s *survey) run() error {
	file := s.list.Source.Name
	sum := sha256.New()
	rows, err := s.list.Open(sum)
	if err != nil {
		return table.Named(file, err)
	}
	err = s.records(rows)
	s.file.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if err := errors.Join(err, rows.Close()); err != nil {
		return table.Named(file, err)
	}
	s.describe()
	return nil
}

// records reads the records of the file up to its end.
func (s *survey) records(rows table.Records) error {
	for {
		r, err := rows.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		s.read++
		if r.Bad != nil {
			if s.unreadable == nil {
				s.unreadable = r.Bad
			}
			s.badLines.add(r.Bad.Line)
		}
		if err := s.record(r); err != nil {
			return err
		}
	}
	if s.unreadable != nil && !s.list.skipUnreadable {
		return s.unreadableLines()
	}
	if err := s.end(); err != nil {
		return err
	}
	s.file.Rows = s.read - s.file.Footer - s.file.Empty
	s.list.contacts = s.file.Rows
	return nil
}

// unreadableLines names all of them, so that they can be mended at once.
func (s *survey) unreadableLines() error {
	e := *s.unreadable
	if s.badLines.count > 1 {
		e.Msg = fmt.Sprintf("%d lines cannot be read (%s); here %s", s.badLines.count, &s.badLines, e.Msg)
	}
	e.Hint += "; or read on without them: --skip unreadable"
	return &e
}

// record tells contacts from what may be the footer. Only the end of the
// file decides that, so records with one field wait for a fuller one.
func (s *survey) record(r table.Record) error {
	filled := table.Filled(r.Cells)
	if s.list.Format == "jsonl" || s.list.Width < 2 || filled > 1 || identifiesAlone(r.Cells) || r.Problem != "" {
		if err := s.release(); err != nil {
			return err
		}
		return s.contact(r)
	}
	if r.Cells = slices.Clone(r.Cells); filled > 0 {
		s.waiting++
	} else {
		r.Cells = nil // there may be very many
	}
	s.held = append(s.held, r)
	if s.waiting > maxFooter {
		return s.release()
	}
	return nil
}

// end takes the records at the end for a footer when they are totals and
// notices by their words, and passes over those without a value; all others are
// rows, whatever they lack.
func (s *survey) end() error {
	n := len(s.held)
	for ; n > 0; n-- {
		cells := s.held[n-1].Cells
		switch {
		case table.Filled(cells) == 0:
			s.file.Empty++
		case slices.ContainsFunc(cells, person.IsFooter):
			s.file.Footer++
		default:
			s.held = s.held[:n]
			return s.release()
		}
	}
	s.held = nil
	return nil
}

// release counts the held records as contacts after all.
func (s *survey) release() error {
	for _, r := range s.held {
		if r.Cells == nil {
			r.Cells = make([]string, s.list.Width)
		}
		if err := s.contact(r); err != nil {
			return err
		}
	}
	s.held, s.waiting = s.held[:0], 0
	return nil
}

// identifiesAlone says whether the one value of a record is a person's
// address or profile, which no footer has.
func identifiesAlone(cells []string) bool {
	return slices.ContainsFunc(cells, func(c string) bool {
		return strings.ContainsRune(c, '@') || strings.Contains(c, "linkedin.com/in/")
	})
}

// contact counts one contact.
func (s *survey) contact(r table.Record) error {
	s.count.Rows++
	if r.Bad != nil {
		s.extra = max(s.extra, len(r.Cells)-s.list.Width)
		s.count.Invalid[r.Problem]++
		return nil //nolint:nilerr // a bad line that was read on over is counted
	}
	if r.Problem != "" {
		s.count.Invalid[NoObject]++
		return nil
	}
	s.ragged(r)
	s.line = r.Line
	cells := r.Said()
	if err := s.list.plan.Compare(cells); err != nil {
		return err
	}
	s.list.plan.Read(cells, &s.row)
	s.list.plan.Count(cells, &s.row)
	if r.Linked != nil && s.list.plan.FollowedLink(r.Cells, &s.row) {
		s.trap("the link behind a cell, whose text is something else, is used")
	}
	problem := s.list.plan.Problem(r.Cells, &s.row)
	if mapping.IsContact(problem) {
		s.warn()
	}
	if r.Hidden && problem == "" {
		s.trap("a row that a filter hides, asked all the same,")
	}
	if h := s.list.plan.OptOut(r.Cells); h != "" {
		s.count.OptOut[h]++
	} else if h := s.list.plan.BadMail(r.Cells); h != "" && problem == "" {
		s.trap(badMail + strconv.Quote(h) + " calls it bounced or invalid")
	}
	if problem != "" {
		s.count.Invalid[problem]++
		return nil
	}
	s.count.Sendable++
	if s.row.Email() != "" {
		s.count.Addresses++
	}
	s.said.add(s.row.Sums(s.seed))
	return nil
}

// ragged notes rows that are longer or shorter than the header.
func (s *survey) ragged(r table.Record) {
	switch n := len(r.Cells); {
	case n < s.list.Width:
		if s.list.Format == "csv" || s.list.Format == "tsv" { // elsewhere what is empty is not written
			s.short.add(r.Line)
		}
	case n > s.list.Width:
		s.long.add(r.Line)
		s.extra = max(s.extra, n-s.list.Width)
	}
}

// Kinds of traps that the address tells of.
const (
	sharedInbox = "shared inbox, such as info@"
	freeMail    = "address at a free-mail provider"
	badMail     = "address asked although column " // and what that says
)

// warn counts what a person should know of before paying for it.
func (s *survey) warn() {
	s.row.Flaws(func(field Field, flaw person.Flaw) { s.trap(trapOf(field, flaw)) })
	if email := s.row.Email(); email != "" {
		if person.IsSharedInbox(email) {
			s.trap(sharedInbox)
		}
		if person.IsFreeMail(email[strings.IndexByte(email, '@')+1:]) {
			s.trap(freeMail)
		}
	}
}

func (s *survey) trap(kind string) {
	t := s.traps[kind]
	if t == nil {
		t = &Trap{Kind: kind, Row: s.count.Rows, Line: s.line}
		s.traps[kind] = t
	}
	t.Rows++
}

func trapOf(field Field, f person.Flaw) string {
	kinds := [...]string{
		person.Malformed:     "unusable FIELD",
		person.Placeholder:   "placeholder instead of an address",
		person.FreeMail:      "free-mail domain instead of a company's",
		person.SocialHost:    "page on a social network instead of a website",
		person.CompanyPage:   "LinkedIn page of a company instead of a person",
		person.SeveralValues: "several ids in one cell, none used",
		person.Picked:        "more than the value in a cell for FIELD, the first good one is used",
		person.TooLong:       "a value too long for FIELD, left out",
		person.Rounded:       "an id that a spreadsheet rounded, left out",
		person.Nobody:        "a team, a company or a stand-in instead of a person's name",
		person.NotUTF8:       "a cell for FIELD that is not UTF-8, left out",
		person.Nested:        "an object of JSON instead of a value for FIELD, left out",
		person.GuessedLang:   "a country instead of a language: its language is a guess",
	}
	kind := "unusable FIELD"
	if int(f) < len(kinds) {
		kind = kinds[f]
	}
	return strings.ReplaceAll(kind, "FIELD", string(field))
}

// describe names the columns for extra cells and completes the profile.
func (s *survey) describe() {
	s.list.plan.Settle(s.count.OptOut)
	t, f := s.list, &s.file
	header := slices.Clone(t.Names)
	for i := range s.extra {
		header = append(header, "extra_"+strconv.Itoa(i+1))
	}
	t.Names = table.UniqueNames(header)
	f.Columns, f.Mapping, f.Rejected = t.Names, t.plan.Mapped, t.plan.Rejected
	f.Fates, f.NotFound = t.plan.Fates(), append([]Field{}, t.plan.NotFound()...)
	for _, n := range append(s.notes(), t.plan.Notes...) {
		s.count.Notes = append(s.count.Notes, f.Name+": "+n)
	}
}
