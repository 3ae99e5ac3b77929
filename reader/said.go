package reader

import "slices"

// said finds what sendable rows say again, by hashes.
type said struct {
	rows      int
	all       hashes // what a row says, without an address
	addressed hashes // the same of rows with one
	people    hashes // whom those are about
}

// add takes the hashes of a row: whom it is about, 0 without an address, and what
// it says.
func (s *said) add(who, all uint64) {
	s.rows++
	if who == 0 {
		s.all.add(all)
		return
	}
	s.addressed.add(all)
	s.people.add(who)
}

func (s *said) merge(other *said) {
	s.rows += other.rows
	s.all.blocks = append(s.all.blocks, other.all.blocks...)
	s.addressed.blocks = append(s.addressed.blocks, other.addressed.blocks...)
	s.people.blocks = append(s.people.blocks, other.people.blocks...)
}

// again counts the rows that say the same as an earlier one, and those about the
// person of an earlier one with other data.
func (s *said) again() (duplicates, repeated int) {
	different := s.addressed.different()
	return s.rows - different - s.all.different(), different - s.people.different()
}

// hashes are many of them, in blocks that need not be copied to grow.
type hashes struct{ blocks [][]uint64 }

func (h *hashes) add(hash uint64) {
	n := len(h.blocks)
	if n == 0 || len(h.blocks[n-1]) == cap(h.blocks[n-1]) {
		h.blocks = append(h.blocks, make([]uint64, 0, 64<<min(n, 8)))
		n++
	}
	h.blocks[n-1] = append(h.blocks[n-1], hash)
}

// different counts the hashes that are not equal. They are spread over buckets
// by their first bits, which fit the cache, and sorted there.
func (h *hashes) different() (n int) {
	const bits = 10
	var ends [1<<bits + 1]int
	total := 0
	for _, block := range h.blocks {
		total += len(block)
		for _, hash := range block {
			ends[hash>>(64-bits)+1]++
		}
	}
	for i := range 1 << bits {
		ends[i+1] += ends[i]
	}
	all, next := make([]uint64, total), ends
	for _, block := range h.blocks {
		for _, hash := range block {
			bucket := hash >> (64 - bits)
			all[next[bucket]] = hash
			next[bucket]++
		}
	}
	for i := range 1 << bits {
		bucket := all[ends[i]:ends[i+1]]
		slices.Sort(bucket)
		n += len(slices.Compact(bucket))
	}
	return n
}
