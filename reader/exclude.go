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
type ExcludeList struct {
	emails   map[string]bool
	domains  map[string]bool
	profiles map[string]bool // slugs in lower case
	ids      map[string]bool // as they are spelled
}

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
	l := &ExcludeList{emails: map[string]bool{}, domains: map[string]bool{}, profiles: map[string]bool{}, ids: map[string]bool{}}
	if err := l.parse(text); err != nil {
		return nil, table.Named(path, err)
	}
	return l, nil
}

// ExcludePersons is a list of exactly these people, each by any email, LinkedIn
// profile and contact id that is given, normalised.
func ExcludePersons(people ...Person) *ExcludeList {
	l := &ExcludeList{emails: map[string]bool{}, domains: map[string]bool{}, profiles: map[string]bool{}, ids: map[string]bool{}}
	for _, p := range people {
		for field, value := range map[Field]string{Email: p.Email, LinkedInProfile: p.LinkedInProfile, CRMContactID: p.CRMContactID} {
			if value != "" {
				l.addField(field, value)
			}
		}
	}
	return l
}

// Len is the number of entries.
func (l *ExcludeList) Len() int { return len(l.emails) + len(l.domains) + len(l.profiles) + len(l.ids) }

// Match says whether a contact is on the list, and by what: "email",
// "domain", "LinkedIn profile" or "id". It names no value.
func (l *ExcludeList) Match(p Person) (why string, hit bool) {
	_, host, _ := strings.Cut(p.Email, "@")
	slug := strings.ToLower(strings.TrimPrefix(p.LinkedInProfile, person.ProfilePrefix))
	switch {
	case p.Email != "" && l.emails[p.Email]:
		return "email", true
	case l.hasDomain(host) || l.hasDomain(p.CompanyDomain):
		return "domain", true
	case slug != "" && l.profiles[slug]:
		return "LinkedIn profile", true
	}
	for _, id := range []string{p.CRMContactID, p.CRMLeadID, p.CRMAccountID} {
		if id != "" && l.ids[id] {
			return "id", true
		}
	}
	return "", false
}

// hasDomain says whether the host or one above it is on the list.
func (l *ExcludeList) hasDomain(host string) bool {
	for host != "" {
		if l.domains[host] {
			return true
		}
		_, host, _ = strings.Cut(host, ".")
	}
	return false
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
	before := l.Len()
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
	if columns != nil && l.Len() == before {
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
		l.emails[v] = true
	case field == CompanyDomain:
		l.domains[v] = true
	case field == LinkedInProfile:
		l.addProfile(v)
	default:
		l.ids[v] = true
	}
}

// add adds an entry of whatever kind it is; words says whether one without
// any mark may be a slug or an id. It reports whether the entry was understood.
func (l *ExcludeList) add(entry string, words bool) bool {
	entry, _ = person.Text(entry)
	if entry == "" {
		return false
	}
	if domain, ok := strings.CutPrefix(entry, "@"); ok {
		return l.addDomain(domain)
	}
	if v, _ := person.CleanerOf(Email)(entry); v != "" {
		l.emails[v] = true
		return true
	}
	if slug, ok := strings.CutPrefix(strings.TrimPrefix(entry, "/"), "in/"); ok {
		entry = person.ProfilePrefix + slug
	}
	if v, _ := person.CleanerOf(LinkedInProfile)(entry); v != "" {
		l.addProfile(v)
		return true
	}
	if l.addDomain(entry) {
		return true
	}
	if !words || strings.ContainsFunc(entry, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("@/:", r) }) {
		return false
	}
	l.profiles[strings.ToLower(entry)] = true
	l.ids[entry] = true
	return true
}

// addDomain adds a domain; on this list it may be a mail provider's too.
func (l *ExcludeList) addDomain(entry string) bool {
	v, f := person.CleanerOf(CompanyDomain)(entry)
	if f == person.FreeMail {
		v = strings.ToLower(entry)
	}
	if v != "" {
		l.domains[v] = true
	}
	return v != ""
}

func (l *ExcludeList) addProfile(url string) {
	l.profiles[strings.ToLower(strings.TrimPrefix(url, person.ProfilePrefix))] = true
}

// String names the size of the list, and nobody on it.
func (l *ExcludeList) String() string { return fmt.Sprintf("exclude list of %d entries", l.Len()) }
