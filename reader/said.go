package reader

import "slices"

// said finds what sendable rows say again, by hashes.
type said struct {
	all       []uint64 // what a row says, without an address
	addressed []uint64 // the same of rows with one
	people    []uint64 // whom those are about
}

// add takes the hashes of a row: whom it is about, 0 without an address, and what
// it says.
func (s *said) add(who, all uint64) {
	if who == 0 {
		s.all = append(s.all, all)
		return
	}
	s.addressed, s.people = append(s.addressed, all), append(s.people, who)
}

func (s *said) merge(other *said) {
	s.all = append(s.all, other.all...)
	s.addressed = append(s.addressed, other.addressed...)
	s.people = append(s.people, other.people...)
}

// again counts the rows that say the same as an earlier one, and those about the
// person of an earlier one with other data.
func (s *said) again() (duplicates, repeated int) {
	rows, addressed := len(s.all)+len(s.addressed), different(s.addressed)
	return rows - addressed - different(s.all), addressed - different(s.people)
}

// different counts the hashes that are not equal, and sorts them.
func different(hashes []uint64) int {
	slices.Sort(hashes)
	return len(slices.Compact(hashes))
}
