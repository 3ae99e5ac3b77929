package pipeline

import (
	"crypto/sha256"
	"fmt"
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

	fullest map[who]octave.Request
}

// A who names a person: an address, and a name. The address of two people, such as
// info@, is two persons; who has no address is nobody that could be found again.
type who [16]byte

func whoIs(p reader.Person) (w who, ok bool) {
	if p.Email == "" {
		return w, false
	}
	sum := sha256.Sum256([]byte(p.Email + "\x00" + strings.ToLower(strings.TrimSpace(p.FirstName+" "+p.LastName))))
	return who(sum[:len(w)]), true
}

// FindPeople goes through a list twice: to find who stands in several rows with
// different data, and for the fullest of their rows. What was answered already is
// fuller than what was not.
func FindPeople(src iter.Seq2[reader.Contact, error], selection Selection) (*People, error) {
	seen := map[who]*standing{}
	for contact, err := range src {
		if err != nil {
			return nil, err
		}
		if w, q := selection.personOf(contact); q != nil {
			if seen[w] == nil {
				seen[w] = &standing{key: q.Key}
			}
			seen[w].add(q, selection.Memory)
		}
	}
	for w, s := range seen {
		if !s.differs {
			delete(seen, w)
		}
	}
	people := &People{Persons: len(seen), fullest: map[who]octave.Request{}}
	for contact, err := range src {
		if err != nil {
			return nil, err
		}
		w, q := selection.personOf(contact)
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
func (s Selection) personOf(contact reader.Contact) (who, *Question) {
	w, ok := whoIs(contact.Person)
	if !ok || contact.Problem != "" || s.Exclude != nil && s.Exclude(contact) != "" {
		return w, nil
	}
	request, err := s.Ask(contact)
	if err != nil {
		return w, nil
	}
	return w, NewQuestion(request, contact.Row)
}

// A standing is what is known of a person after some rows.
type standing struct {
	key     checkpoint.Key // of the first row
	differs bool           // another row asks something else
	row     int            // the fullest
	full    int            // how full it is
}

func (s *standing) add(q *Question, memory *Memory) {
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
		if w, ok := whoIs(contact.Person); ok && err == nil {
			if fullest, several := p.fullest[w]; several {
				return fullest, nil
			}
		}
		return request, err
	}
}

// CountLost counts the contacts of a list before that are not in the one of now.
func CountLost(before, now iter.Seq2[reader.Contact, error]) (n int, err error) {
	seed := maphash.MakeSeed()
	var here []uint64
	for contact, err := range now {
		if err != nil {
			return 0, err
		}
		here = append(here, names(seed, contact.Person)...)
	}
	slices.Sort(here)
	for contact, err := range before {
		if err != nil {
			return 0, err
		}
		ours := names(seed, contact.Person)
		found := slices.ContainsFunc(ours, func(name uint64) bool { _, hit := slices.BinarySearch(here, name); return hit })
		if len(ours) > 0 && !found {
			n++
		}
	}
	return n, nil
}

// names hashes what a contact may be found by: address, profile, ids, or name and
// company.
func names(seed maphash.Seed, p reader.Person) (list []uint64) {
	for kind, value := range []string{p.Email, strings.ToLower(p.LinkedInProfile), p.CRMContactID, p.CRMLeadID} {
		if value != "" {
			list = append(list, maphash.String(seed, fmt.Sprint(kind, value)))
		}
	}
	if len(list) == 0 && p.FirstName+p.LastName != "" {
		list = append(list, maphash.String(seed, strings.ToLower(p.FirstName+"\x00"+p.LastName+"\x00"+p.CompanyName+"\x00"+p.CompanyDomain)))
	}
	return list
}
