package reader

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
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
	src, err := newSource(path, nil)
	if err != nil {
		return nil, err
	}
	defer src.close()
	text, err := readText(src)
	if err != nil {
		return nil, named(path, err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, &InputError{File: path, Msg: "an empty exclude list", Hint: "if nobody is to be excluded, write a line that starts with #"}
	}
	l := &ExcludeList{emails: map[string]bool{}, domains: map[string]bool{}, profiles: map[string]bool{}, ids: map[string]bool{}}
	if err := l.parse(text); err != nil {
		return nil, named(path, err)
	}
	return l, nil
}

// Normalise returns a value as a row's [Person] would have it: an email in lower
// case, the address of a LinkedIn profile, here also out of its slug. It fails
// when the value is not what the field takes; the error does not repeat it.
func Normalise(field Field, value string) (string, error) {
	if field == LinkedInProfile && !strings.Contains(value, "linkedin.") {
		value = profilePrefix + strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(value), "/"), "in/")
	}
	clean, _ := cleanerOf(field)(value)
	if clean == "" {
		return "", fmt.Errorf("not what %s takes", field)
	}
	return clean, nil
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

// readText reads a whole file, unpacked and decoded.
func readText(src *source) ([]byte, error) {
	raw, err := src.open()
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	r, _, done, err := decompress(raw)
	if err != nil {
		return nil, err
	}
	defer done()
	all, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if kind := knownBinary(all); kind != "" {
		return nil, &InputError{Msg: "a " + kind + " file, not a list", Hint: "save it as text or CSV"}
	}
	text, err := decoder(bytes.NewReader(all), detectEncoding(all, true), true)
	if err != nil {
		return nil, err
	}
	all, err = io.ReadAll(text)
	if bytes.IndexByte(all, 0) >= 0 {
		return nil, &InputError{Msg: "not a text file: it holds zero bytes"}
	}
	return all, err
}

// Len is the number of entries.
func (l *ExcludeList) Len() int { return len(l.emails) + len(l.domains) + len(l.profiles) + len(l.ids) }

// Match says whether a contact is on the list, and by what: "email",
// "domain", "LinkedIn profile" or "id". It names no value.
func (l *ExcludeList) Match(p Person) (why string, hit bool) {
	_, host, _ := strings.Cut(p.Email, "@")
	slug := strings.ToLower(strings.TrimPrefix(p.LinkedInProfile, profilePrefix))
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
	words, text := newVocabulary(Options{}), withoutComments(text)
	at := findLayout(text, ",;\t|", words, 1)
	columns := identityColumns(at.header, words)
	if len(columns) == 0 {
		columns, at.offset, at.line = nil, 0, 1
	}
	s := newScanner(bytes.NewReader(text[at.offset:]), at.comma, at.eol, at.line)
	if columns != nil {
		if err := s.next(); err != nil {
			return err
		}
	}
	before := l.Len()
	for {
		err := s.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := l.record(s.cells(nil), columns, s.recordLine); err != nil {
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

// identityColumns are the columns of a header that say who is meant: any
// address, profile, domain or id, further addresses included.
func identityColumns(header []string, words *vocabulary) map[int]Field {
	columns := map[int]Field{}
	for i, h := range header {
		f := fold(h)
		for _, r := range words.rank[f] {
			if slices.Contains([]Field{Email, CompanyDomain, LinkedInProfile, CRMContactID, CRMLeadID, CRMAccountID}, r.field) {
				columns[i] = r.field
			}
		}
		if strings.HasSuffix(f, "email") && words.never[f] != "" {
			columns[i] = Email
		}
	}
	return columns
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
	if !known && !isEmpty(cells) {
		return &InputError{Line: line, Msg: "not an email, @domain, LinkedIn profile or id", Hint: "start the line with # if it is a comment"}
	}
	return nil
}

// addField adds a cell whose column says what it is. What cannot be used as
// that can match nobody, as it would not be sent for a contact either; it is
// taken for an entry of another kind if it is one.
func (l *ExcludeList) addField(field Field, cell string) {
	v, _ := cleanerOf(field)(cell)
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
	entry, _ = cleanText(entry)
	if entry == "" {
		return false
	}
	if domain, ok := strings.CutPrefix(entry, "@"); ok {
		return l.addDomain(domain)
	}
	if v, _ := cleanEmail(entry); v != "" {
		l.emails[v] = true
		return true
	}
	if slug, ok := strings.CutPrefix(strings.TrimPrefix(entry, "/"), "in/"); ok {
		entry = profilePrefix + slug
	}
	if v, _ := cleanLinkedIn(entry); v != "" {
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
	v, f := cleanDomain(entry)
	if f == freeMail {
		v = strings.ToLower(entry)
	}
	if v != "" {
		l.domains[v] = true
	}
	return v != ""
}

func (l *ExcludeList) addProfile(url string) {
	l.profiles[strings.ToLower(strings.TrimPrefix(url, profilePrefix))] = true
}

// String names the size of the list, and nobody on it.
func (l *ExcludeList) String() string { return fmt.Sprintf("exclude list of %d entries", l.Len()) }
