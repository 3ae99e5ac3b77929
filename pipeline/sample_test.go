package pipeline

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"octave-enrich/checkpoint"
	"octave-enrich/reader"
)

// A sample has as many questions as were wanted, the same ones in whatever order the
// rows stand and however often one is there, and none that needs no call.
func TestNewSample(t *testing.T) {
	const rows, n, answered = 5000, 40, 7
	journal := newJournal()
	q, err := NewQuestioner(Settings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var list []reader.Contact
	for i := range rows {
		contact := reader.Contact{Person: reader.Person{Email: fmt.Sprintf("%d@b.example", i)}}
		list = append(list, contact, contact)
		if i%answered == 0 {
			request, err := q.Request(contact)
			if err != nil {
				t.Fatal(err)
			}
			if err := journal.Append(checkpoint.Record{Type: checkpoint.Answered, Key: NewQuestion(request, 0).Key}); err != nil {
				t.Fatal(err)
			}
		}
	}
	src := func(yield func(reader.Contact, error) bool) {
		for _, contact := range list {
			if !yield(contact, nil) {
				return
			}
		}
	}
	selection := Selection{Ask: q.Request, Memory: &Memory{Journal: journal}}
	var before *Sample
	for range 2 {
		sample, err := NewSample(src, selection, n)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && *sample != *before {
			t.Errorf("another order, another sample: %v, %v", sample, before)
		}
		before = sample
		random := rand.New(rand.NewPCG(1, 2))
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	selection.Sample = before
	plan, _, err := Survey(src, selection, nil)
	if err != nil {
		t.Fatal(err)
	}
	if fresh := rows - (rows+answered-1)/answered; plan.ToAsk != n || plan.BeyondLimit != fresh-n {
		t.Errorf("%d to ask, want %d; %d beyond, want %d", plan.ToAsk, n, plan.BeyondLimit, fresh-n)
	}
	whole, err := NewSample(src, Selection{Ask: q.Request}, 2*rows)
	if err != nil {
		t.Fatal(err)
	}
	if plan, _, _ := Survey(src, Selection{Ask: q.Request, Sample: whole}, nil); plan.ToAsk != rows || plan.BeyondLimit != 0 {
		t.Errorf("more than there are: %d to ask", plan.ToAsk)
	}
}
