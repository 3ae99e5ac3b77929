package pipeline

import (
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// People are those who stand in several rows of a list with different data, so that
// each of their rows is a question of its own.
type People struct {
	Persons int // such people
	Rows    int // their rows

	identities
	fullest map[who]octave.Request
}

// A who names a person in several rows: an address, and a name. The address of two
// people, such as info@, is two persons; who has no address is nobody that could be
// found again.
type who struct{ address, name uint64 }

func (i identities) who(p reader.Person) (w who, ok bool) {
	if p.Email == "" {
		return w, false
	}
	r := octave.Request{Email: p.Email, FirstName: p.FirstName, LastName: p.LastName}
	return who{i.identifiers(r)[0], i.name(r)}, true
}

// FindPeople goes through a list twice: to find who stands in several rows with
// different data, and for the fullest of their rows. What was answered already is
// fuller than what was not.
func FindPeople(src iter.Seq2[reader.Contact, error], selection Selection) (*People, error) {
	known := newIdentities()
	seen := map[who]*personState{}
	for contact, err := range src {
		if err != nil {
			return nil, err
		}
		if w, q := known.personOf(contact, selection); q != nil {
			if seen[w] == nil {
				seen[w] = &personState{key: q.Key}
			}
			seen[w].add(q, selection.Memory)
		}
	}
	for w, s := range seen {
		if !s.differs {
			delete(seen, w)
		}
	}
	people := &People{Persons: len(seen), identities: known, fullest: map[who]octave.Request{}}
	for contact, err := range src {
		if err != nil {
			return nil, err
		}
		w, q := known.personOf(contact, selection)
		if q == nil || seen[w] == nil {
			continue
		}
		people.Rows++
		if q.Row == seen[w].row {
			request := q.Request
			request.RequestID = ""
			people.fullest[w] = request
		}
	}
	return people, nil
}

// personOf is who a row is about and what it asks, nil when it is not asked about
// or has no address.
func (i identities) personOf(contact reader.Contact, s Selection) (who, *Question) {
	w, ok := i.who(contact.Person)
	if !ok {
		return w, nil
	}
	q, _ := s.question(contact)
	return w, q
}

// A personState is what is known of a person after some rows.
type personState struct {
	key     checkpoint.Key // of the first row
	differs bool           // another row asks something else
	row     int            // the fullest
	full    int            // how full it is
}

func (s *personState) add(q *Question, memory *Memory) {
	s.differs = s.differs || q.Key != s.key
	full := fullness(q.Request)
	if memory != nil && memory.Journal.State(q.Key) == checkpoint.AnsweredState {
		full += 1000
	}
	if s.row == 0 || full > s.full {
		s.row, s.full = q.Row, full
	}
}

// fullness counts what a request says about a person.
func fullness(r octave.Request) (n int) {
	for _, value := range []string{r.FirstName, r.LastName, r.JobTitle, r.CompanyName, r.CompanyDomain, r.LinkedInProfile,
		r.CRMContactID, r.CRMLeadID, r.CRMAccountID, r.Lang, r.PlaybookSelectionContext} {
		if value != "" {
			n++
		}
	}
	return n + len(r.RuntimeContext) + len(r.RuntimeInstructions)
}

// Instead makes all rows of a person ask what the fullest of them asks.
func (p *People) Instead(ask func(reader.Contact) (octave.Request, error)) func(reader.Contact) (octave.Request, error) {
	return func(contact reader.Contact) (octave.Request, error) {
		request, err := ask(contact)
		if w, ok := p.who(contact.Person); ok && err == nil {
			if fullest, several := p.fullest[w]; several {
				return fullest, nil
			}
		}
		return request, err
	}
}

// CountLost counts the contacts of a list before that are not in the one of now.
func CountLost(before, now iter.Seq2[reader.Contact, error]) (n int, err error) {
	known := newIdentities()
	var here []uint64
	for contact, err := range now {
		if err != nil {
			return 0, err
		}
		here = append(here, known.contact(contact.Person)...)
	}
	slices.Sort(here)
	for contact, err := range before {
		if err != nil {
			return 0, err
		}
		ids := known.contact(contact.Person)
		found := slices.ContainsFunc(ids, func(id uint64) bool { _, hit := slices.BinarySearch(here, id); return hit })
		if len(ids) > 0 && !found {
			n++
		}
	}
	return n, nil
}

// contact is what a contact may be found by, also one that nothing leads to: by name
// and company.
func (i identities) contact(p reader.Person) []uint64 {
	ids := i.identifiers(requestAbout(p))
	if len(ids) == 0 && p.FirstName+p.LastName != "" {
		ids = append(ids, i.hash("person", strings.ToLower(p.FirstName+"\x00"+p.LastName+"\x00"+p.CompanyName+"\x00"+p.CompanyDomain)))
	}
	return ids
}

// A directory finds questions by the person they are about, in some 60 bytes each.
type directory struct {
	identities
	list  []person
	links []link
	first map[uint64]int32 // hash of an identifier -> link
}

type person struct {
	key  checkpoint.Key
	name uint64 // hash; 0 for none
}

type link struct{ person, next int32 }

func newDirectory() *directory {
	return &directory{identities: newIdentities(), first: map[uint64]int32{}}
}

func (p *directory) add(q *Question) {
	p.list = append(p.list, person{q.Key, p.name(q.Request)})
	for _, id := range p.identifiers(q.Request) {
		next, known := p.first[id]
		if !known {
			next = -1
		}
		p.links = append(p.links, link{int32(len(p.list) - 1), next})
		p.first[id] = int32(len(p.links) - 1)
	}
}

// find lists the questions about the person that a request is about: who shares an
// address, a profile or an id of the CRM. Another name is another person.
func (p *directory) find(r octave.Request) (keys []checkpoint.Key) {
	name := p.name(r)
	for _, id := range p.identifiers(r) {
		at, known := p.first[id]
		for ; known && at >= 0; at = p.links[at].next {
			other := p.list[p.links[at].person]
			if (name == 0 || other.name == 0 || name == other.name) && !slices.Contains(keys, other.key) {
				keys = append(keys, other.key)
			}
		}
	}
	return keys
}

// identities says who a request is about, in hashes: what leads to the person, and
// the name. All that looks for a person again uses it; hashes of two of them cannot
// be compared.
type identities struct{ seed maphash.Seed }

func newIdentities() identities { return identities{maphash.MakeSeed()} }

// identifiers are an address, a profile and ids of the CRM.
func (i identities) identifiers(r octave.Request) (ids []uint64) {
	_, slug, _ := strings.Cut(strings.ToLower(r.LinkedInProfile), "/in/")
	for _, id := range [...]struct{ kind, value string }{
		{"email", strings.ToLower(r.Email)}, {"linkedin", strings.Trim(slug, "/")}, {"contact", r.CRMContactID}, {"lead", r.CRMLeadID},
	} {
		if id.value != "" {
			ids = append(ids, i.hash(id.kind, id.value))
		}
	}
	return ids
}

// name is 0 for none.
func (i identities) name(r octave.Request) uint64 {
	name := strings.Join(strings.Fields(strings.ToLower(r.FirstName+" "+r.LastName)), " ")
	if name == "" {
		return 0
	}
	return i.hash("name", name)
}

func (i identities) hash(kind, value string) uint64 { return maphash.String(i.seed, kind+"\x00"+value) }
