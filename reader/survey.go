package reader

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxFooter is how many records with one field can be a footer: totals and
// notices are a few lines, more of them are a sparse list.
const maxFooter = 10

// A survey reads one file from its first row to its last and counts.
type survey struct {
	table *table
	count Profile // of this file alone
	file  FileProfile
	seed  maphash.Seed
	sums  []said // of the sendable rows, to find the same again
	traps map[string]*Trap

	held    []record // records with one field that may be the footer
	empty   int      // records without a value among them
	sparse  bool     // too many of them for a footer
	read    int      // records so far
	short   lineList // rows with fewer cells than the header
	long    lineList // rows with more
	extra   int      // cells beyond the header at most
	only    []int    // rows in which the second of two rivals alone holds a value, by rival
	reading reading
}

func newSurvey(t *table, seed maphash.Seed) *survey {
	s := &survey{table: t, seed: seed, traps: map[string]*Trap{}, only: make([]int, len(t.plan.rivals))}
	s.count = Profile{Invalid: map[string]int{}, OptOut: map[string]int{}}
	s.file = FileProfile{Name: t.name, Path: t.src.path, Format: t.format, Compression: t.compression, Encoding: t.encoding,
		Delimiter: t.delimiter(), Sheet: t.sheet, HeaderLine: t.layout.line, Preamble: t.layout.preamble}
	if t.src.path == "" {
		s.file.Path = "-"
	}
	return s
}

// run reads the file, hashes its bytes, and writes down what was found.
func (s *survey) run() error {
	sum := sha256.New()
	rows, err := s.table.open(sum)
	if err != nil {
		return err
	}
	err = s.records(rows)
	s.file.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if err := errors.Join(err, rows.close()); err != nil {
		return err
	}
	s.describe()
	return nil
}

// records reads the records of the file up to its end.
func (s *survey) records(rows records) error {
	for {
		r, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		s.read++
		if err := s.record(r); err != nil {
			return err
		}
	}
	s.file.Footer, s.file.Empty = len(s.held), s.empty
	s.file.Rows = s.read - len(s.held) - s.empty
	s.table.contacts = s.file.Rows
	return nil
}

// record tells contacts from what may be the footer. Only the end of the
// file decides that, so records with one field wait for a fuller one.
func (s *survey) record(r record) error {
	filled := filledCells(r.cells)
	if s.table.format == "jsonl" || s.table.width < 2 || filled > 1 || identifiesAlone(r.cells) {
		s.sparse = false
		if err := s.release(); err != nil {
			return err
		}
		return s.contact(r)
	}
	if filled == 0 {
		s.empty++
		return nil
	}
	if s.sparse {
		if err := s.release(); err != nil {
			return err
		}
		return s.contact(r)
	}
	r.cells = slices.Clone(r.cells)
	s.held = append(s.held, r)
	if len(s.held) > maxFooter {
		s.sparse = true
		return s.release()
	}
	return nil
}

// release counts the held records as contacts after all.
func (s *survey) release() error {
	for range s.empty {
		if err := s.contact(record{cells: make([]string, s.table.width)}); err != nil {
			return err
		}
	}
	s.empty = 0
	for _, r := range s.held {
		if err := s.contact(r); err != nil {
			return err
		}
	}
	s.held = s.held[:0]
	return nil
}

func filledCells(cells []string) int {
	n := 0
	for _, c := range cells {
		if c != "" && strings.TrimSpace(c) != "" {
			n++
			if n > 1 {
				break
			}
		}
	}
	return n
}

// identifiesAlone says whether the one value of a record is a person's
// address or profile, which no footer has.
func identifiesAlone(cells []string) bool {
	return slices.ContainsFunc(cells, func(c string) bool {
		return strings.ContainsRune(c, '@') || strings.Contains(c, "linkedin.com/in/")
	})
}

// contact counts one contact.
func (s *survey) contact(r record) error {
	s.count.Rows++
	if r.problem != "" {
		s.count.Invalid[NoObject]++
		return nil
	}
	s.ragged(r)
	if err := s.rivals(r.cells); err != nil {
		return err
	}
	s.table.plan.read(r.cells, &s.reading)
	s.values(r.cells)
	s.warn()
	if h := s.table.optOut(r.cells); h != "" {
		s.count.OptOut[h]++
	}
	if problem := s.reading.problem(r.cells); problem != "" {
		s.count.Invalid[problem]++
		return nil
	}
	s.count.Sendable++
	said := said{sum: s.reading.sum(s.seed)}
	if s.reading.values[slotEmail] != "" {
		s.count.Addresses++
		said.who = s.reading.who(s.seed)
	}
	s.sums = append(s.sums, said)
	return nil
}

// ragged notes rows that are longer or shorter than the header.
func (s *survey) ragged(r record) {
	switch n := len(r.cells); {
	case n < s.table.width:
		if s.table.format == "csv" || s.table.format == "tsv" { // elsewhere what is empty is not written
			s.short.add(r.line)
		}
	case n > s.table.width:
		s.long.add(r.line)
		s.extra = max(s.extra, n-s.table.width)
	}
}

// rivals holds columns of the same standing to what the first rows promised.
func (s *survey) rivals(cells []string) error {
	for i, r := range s.table.plan.rivals {
		if r.second < len(cells) && cellAt(cells, r.first) == "" && cells[r.second] != "" {
			s.only[i]++
		}
		if r.first < len(cells) && r.second < len(cells) && differ(r.clean, cells[r.first], cells[r.second]) {
			return ambiguous(s.table.src.name, r.field, s.table.names[r.first], s.table.names[r.second])
		}
	}
	return nil
}

func cellAt(cells []string, i int) string {
	if i < len(cells) {
		return cells[i]
	}
	return ""
}

// values counts what the mapped columns hold and keeps samples.
func (s *survey) values(cells []string) {
	for i := range s.table.plan.mapped {
		m := &s.table.plan.mapped[i]
		if m.column >= len(cells) {
			continue
		}
		usable := m.slot >= 0 && s.reading.values[m.slot] != "" || m.slot < 0 && s.reading.extra[m.Field] != ""
		if usable {
			m.Usable++
		}
		if usable || m.slot >= 0 && s.reading.flaws[m.slot] != noFlaw {
			m.Filled++
			if cell := cells[m.column]; len(m.Samples) < 3 && !slices.Contains(m.Samples, cell) {
				m.Samples = append(m.Samples, strings.Clone(cell))
			}
		}
	}
}

// warn counts what a person should know of before paying for it.
func (s *survey) warn() {
	for slot, f := range s.reading.flaws {
		if f != noFlaw {
			s.trap(trapOf(slot, f))
		}
	}
	if email := s.reading.values[slotEmail]; email != "" {
		if isSharedInbox(email) {
			s.trap("shared inbox, such as info@")
		}
		if isFreeMail(email[strings.IndexByte(email, '@')+1:]) {
			s.trap("address at a free-mail provider")
		}
	}
}

func (s *survey) trap(kind string) {
	t := s.traps[kind]
	if t == nil {
		t = &Trap{Kind: kind, Row: s.count.Rows}
		s.traps[kind] = t
	}
	t.Rows++
}

func trapOf(slot int, f flaw) string {
	switch f {
	case placeholder:
		return "placeholder instead of an address"
	case freeMail:
		return "free-mail domain instead of a company's"
	case socialHost:
		return "page on a social network instead of a website"
	case companyPage:
		return "LinkedIn page of a company instead of a person"
	case severalValues:
		return "several ids in one cell, none used"
	default:
		return "unusable " + string(personFields()[slot])
	}
}

// languageless drops a column for the language that holds no tag in any row.
func (s *survey) languageless() {
	p := s.table.plan
	p.mapped = slices.DeleteFunc(p.mapped, func(m Mapping) bool {
		none := m.Field == Lang && !m.demanded && m.Usable == 0
		if none {
			p.rejected = append(p.rejected, Rejection{m.Header, "it holds no language tags"})
		}
		return none
	})
}

// describe names the columns for extra cells and completes the profile.
func (s *survey) describe() {
	s.languageless()
	t, f := s.table, &s.file
	header := slices.Clone(t.names)
	for i := range s.extra {
		header = append(header, "extra_"+strconv.Itoa(i+1))
	}
	t.names = uniqueNames(header)
	f.Columns, f.Mapping, f.Rejected = t.names, t.plan.mapped, t.plan.rejected
	for _, n := range append(s.notes(), t.plan.notes...) {
		s.count.Notes = append(s.count.Notes, f.Name+": "+n)
	}
}
