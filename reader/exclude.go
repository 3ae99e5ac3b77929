package reader

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"

	"octave-enrich/reader/mapping"
	"octave-enrich/reader/person"
	"octave-enrich/reader/table"
)

// An ExcludeList names people and companies that must not be contacted:
// addresses, @domains, LinkedIn profiles and ids. It is safe for concurrent
// use.
type ExcludeList struct{ entries map[entry]bool }

// An entry is what somebody is known by, of one of these kinds.
type entry struct{ kind, value string }

const (
	byEmail   = "email"
	byDomain  = "domain"
	byProfile = "LinkedIn profile" // the slug, in lower case
	byID      = "id"               // as it is spelled
)

// ReadExclude reads a do-not-contact list: plain text with one entry a line
// and # comments, or CSV, with the same headers as a list of contacts or with
// none. An entry is an email, @domain or a domain, a LinkedIn profile or its
// slug, or an id of the CRM.
//
// It fails closed: a list that cannot be read or understood to its last line
// is an [*InputError], and so is an empty one, which is what a failed
// download leaves. A list of nobody is a comment line.
func ReadExclude(path string) (*ExcludeList, error) {
	src, err := table.NewSource(path, nil)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	text, err := src.ReadText()
	if err != nil {
		return nil, table.Named(path, err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, &InputError{File: path, Msg: "an empty exclude list", Hint: "if nobody is to be excluded, write a line that starts with #"}
	}
	l := &ExcludeList{map[entry]bool{}}
	if err := l.parse(text); err != nil {
		return nil, table.Named(path, err)
	}
	return l, nil
}

// ExcludePersons is a list of exactly these people, each by any email, LinkedIn
// profile and contact id that is given, normalised.
func ExcludePersons(people ...Person) *ExcludeList {
	l := &ExcludeList{map[entry]bool{}}
	for _, p := range people {
		for field, value := range map[Field]string{Email: p.Email, LinkedInProfile: p.LinkedInProfile, CRMContactID: p.CRMContactID} {
			if value != "" {
				l.addField(field, value)
			}
		}
	}
	return l
}

// Match says whether a contact is on the list, and by what: "email",
// "domain", "LinkedIn profile" or "id". It names no value. Nobody is on a nil list.
func (l *ExcludeList) Match(p Person) (why string, hit bool) {
	if l == nil {
		return "", false
	}
	known := []entry{{byEmail, p.Email}}
	_, host, _ := strings.Cut(p.Email, "@")
	for _, host := range []string{host, p.CompanyDomain} {
		for ; host != ""; _, host, _ = strings.Cut(host, ".") { // and those above it
			known = append(known, entry{byDomain, host})
		}
	}
	known = append(known, entry{byProfile, strings.ToLower(strings.TrimPrefix(p.LinkedInProfile, person.ProfilePrefix))},
		entry{byID, p.CRMContactID}, entry{byID, p.CRMLeadID}, entry{byID, p.CRMAccountID})
	for _, e := range known {
		if l.entries[e] { // none is empty
			return e.kind, true
		}
	}
	return "", false
}

// parse reads the list as CSV below a header, or entry by entry.
func (l *ExcludeList) parse(text []byte) error {
	words, text := mapping.NewVocabulary(mapping.Options{}), withoutComments(text)
	at := table.FindLayout(text, ",;\t|", words.Score, 1)
	columns := words.Identities(at.Header)
	if len(columns) == 0 {
		columns, at.Offset, at.Line = nil, 0, 1
	}
	s := table.NewScanner(bytes.NewReader(text[at.Offset:]), at.Comma, at.EOL, at.Line)
	if columns != nil {
		if err := s.Next(); err != nil {
			return err
		}
	}
	before := len(l.entries)
	for {
		err := s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := l.record(s.Cells(nil), columns, s.Line); err != nil {
			return err
		}
	}
	if columns != nil && len(l.entries) == before {
		return &InputError{Msg: "a header, and nobody below it", Hint: "if nobody is to be excluded, write a line that starts with #"}
	}
	return nil
}

// withoutComments empties the lines that start with #, and keeps their ends so
// that lines are still counted right.
func withoutComments(text []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte{'#'}) {
			line = []byte{'\n'}
		}
		kept = append(kept, line...)
	}
	return kept
}

func (l *ExcludeList) record(cells []string, columns map[int]Field, line int) error {
	if columns != nil {
		for i, field := range columns {
			if i < len(cells) {
				l.addField(field, cells[i])
			}
		}
		return nil
	}
	known := false
	for _, c := range cells {
		// A name beside an address must not pass for a slug.
		known = l.add(c, len(cells) == 1) || known
	}
	if !known && table.Filled(cells) > 0 {
		return &InputError{Line: line, Msg: "not an email, @domain, LinkedIn profile or id", Hint: "start the line with # if it is a comment"}
	}
	return nil
}

// addField adds a cell whose column says what it is. What cannot be used as
// that can match nobody, as it would not be sent for a contact either; it is
// taken for an entry of another kind if it is one.
func (l *ExcludeList) addField(field Field, cell string) {
	v, _ := person.CleanerOf(field)(cell)
	switch {
	case v == "":
		l.add(cell, field != Email)
	case field == Email:
		l.entries[entry{byEmail, v}] = true
	case field == CompanyDomain:
		l.entries[entry{byDomain, v}] = true
	case field == LinkedInProfile:
		l.addProfile(v)
	default:
		l.entries[entry{byID, v}] = true
	}
}

// add adds an entry of whatever kind it is; words says whether one without
// any mark may be a slug or an id. It reports whether the entry was understood.
func (l *ExcludeList) add(text string, words bool) bool {
	text, _ = person.Text(text)
	if text == "" {
		return false
	}
	if domain, ok := strings.CutPrefix(text, "@"); ok {
		return l.addDomain(domain)
	}
	if v, _ := person.CleanerOf(Email)(text); v != "" {
		l.entries[entry{byEmail, v}] = true
		return true
	}
	if slug, ok := strings.CutPrefix(strings.TrimPrefix(text, "/"), "in/"); ok {
		text = person.ProfilePrefix + slug
	}
	if v, _ := person.CleanerOf(LinkedInProfile)(text); v != "" {
		l.addProfile(v)
		return true
	}
	if l.addDomain(text) {
		return true
	}
	if !words || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("@/:", r) }) {
		return false
	}
	l.addProfile(text)
	l.entries[entry{byID, text}] = true
	return true
}

// addDomain adds a domain; on this list it may be a mail provider's too.
func (l *ExcludeList) addDomain(text string) bool {
	v, f := person.CleanerOf(CompanyDomain)(text)
	if f == person.FreeMail {
		v = strings.ToLower(text)
	}
	if v != "" {
		l.entries[entry{byDomain, v}] = true
	}
	return v != ""
}

func (l *ExcludeList) addProfile(url string) {
	l.entries[entry{byProfile, strings.ToLower(strings.TrimPrefix(url, person.ProfilePrefix))}] = true
}

// String names the size of the list, and nobody on it.
func (l *ExcludeList) String() string {
	return fmt.Sprintf("exclude list of %d entries", len(l.entries))
}
