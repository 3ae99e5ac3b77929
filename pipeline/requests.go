package pipeline

import (
	"encoding/json"
	"iter"

	"octave-enrich/checkpoint"
	"octave-enrich/reader"
)

// A RowRequest is what a run would ask about a row, and what becomes of the row.
type RowRequest struct {
	Row     int             `json:"row"` // of the input, 1-based
	Key     string          `json:"key,omitempty"`
	Status  string          `json:"status"`
	Reason  string          `json:"reason,omitempty"`  // why it is invalid or excluded
	Request json.RawMessage `json:"request,omitempty"` // as it is sent, without requestId
}

// Requests says row by row what [Run] would ask, and asks nobody. The status is one
// of to_ask, submitted, answered, kept, duplicate, left_alone, beyond_limit, excluded and invalid.
func Requests(src iter.Seq2[reader.Contact, error], selection Selection) iter.Seq2[RowRequest, error] {
	return func(yield func(RowRequest, error) bool) {
		first := newSurveyor() // to know what is left of the limit for what failed before
		if err := first.read(src, selection); err != nil {
			yield(RowRequest{}, err)
			return
		}
		selector := newSelector(selection)
		seen := map[checkpoint.Key]bool{}
		for contact, err := range src {
			if err != nil {
				yield(RowRequest{}, err)
				return
			}
			decision, q, why := selector.decide(contact, func(key checkpoint.Key) bool { return seen[key] })
			if decision == ToAskLast {
				decision = BeyondLimit
				if first.retried[q.Key] {
					decision = ToAsk
				}
			}
			row := RowRequest{Row: contact.Row, Status: string(decision)}
			if why != nil {
				row.Reason = firstLine(why.Error())
			}
			if q != nil {
				seen[q.Key] = true
				row.Key, row.Request = q.Key.String(), q.Canonical
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}
