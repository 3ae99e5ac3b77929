package pipeline

import (
	"bytes"
	"iter"
	"slices"

	"octave-enrich/checkpoint"
	"octave-enrich/reader"
)

// A Sample is a part of a list that is spread over it: the new questions whose keys,
// which are hashes, come first.
type Sample struct {
	N    int            `json:"n"`     // contacts
	UpTo checkpoint.Key `json:"up_to"` // the last key that is in it
}

// NewSample finds the n of the contacts that [Run] would ask whose keys come first;
// all of them when there are not so many. It keeps a few times n keys in memory.
func NewSample(src iter.Seq2[reader.Contact, error], selection Selection, n int) (*Sample, error) {
	selection.Limit, selection.Sample = 0, nil
	selector := newSelector(selection)
	var keys []checkpoint.Key
	first := func() {
		slices.SortFunc(keys, compareKeys)
		keys = slices.Compact(keys)
		keys = keys[:min(n, len(keys))]
	}
	for contact, err := range src {
		if err != nil {
			return nil, err
		}
		decision, q, _ := selector.decide(contact, func(checkpoint.Key) bool { return false })
		if decision != ToAsk && decision != ToAskLast {
			continue
		}
		if keys = append(keys, q.Key); len(keys) > 2*n+1024 {
			first()
		}
	}
	first()
	sample := &Sample{N: n}
	if len(keys) > 0 {
		sample.UpTo = keys[len(keys)-1]
	}
	return sample, nil
}

// has says whether a question is in the sample; all are in none.
func (s *Sample) has(key checkpoint.Key) bool { return s == nil || compareKeys(key, s.UpTo) <= 0 }

func compareKeys(a, b checkpoint.Key) int { return bytes.Compare(a[:], b[:]) }
