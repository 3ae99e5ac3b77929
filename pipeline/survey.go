package pipeline

import (
	"iter"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/reader"
)

// A Plan is what a run would do.
type Plan struct {
	Rows       int `json:"rows"`
	Sendable   int `json:"sendable"`
	Answered   int `json:"answered"`   // rows whose answer is in the checkpoint
	Duplicates int `json:"duplicates"` // rows that ask the same as one before
	Excluded   int `json:"excluded"`
	// ExcludedBecause are the excluded rows by reason.
	ExcludedBecause map[string]int `json:"excluded_because"`
	Invalid         map[string]int `json:"invalid"` // rows by reason
	ToAsk           int            `json:"to_ask"`  // questions that need a call
	// BeyondLimit counts the questions that a limit leaves for another time.
	BeyondLimit int `json:"beyond_limit"`
	// First are the first different requests, answered already or not.
	First []octave.Request `json:"first"`
}

const firstRequests = 3

// Survey goes through the contacts as [Run] would and asks nobody. Of cfg it
// needs Ask, Exclude, Memory and Limit; a nil Memory knows nothing.
func Survey(src iter.Seq2[reader.Contact, error], cfg Config) (Plan, error) {
	plan := Plan{Invalid: map[string]int{}, ExcludedBecause: map[string]int{}, First: []octave.Request{}}
	seen := map[checkpoint.Key]bool{}
	for contact, err := range src {
		if err != nil {
			return plan, err
		}
		plan.add(contact, cfg, seen)
	}
	return plan, nil
}

func (p *Plan) add(contact reader.Contact, cfg Config, seen map[checkpoint.Key]bool) {
	p.Rows++
	switch {
	case contact.Raw != "":
		p.Invalid[reader.NoObject]++
		return
	case contact.Problem != "":
		p.Invalid[contact.Problem]++
		return
	}
	if cfg.Exclude != nil {
		if why := cfg.Exclude(contact); why != "" {
			p.Excluded++
			p.ExcludedBecause[why]++
			return
		}
	}
	request, err := cfg.Ask(contact)
	if err != nil {
		p.Invalid[err.Error()]++
		return
	}
	p.Sendable++
	key := KeyOf(request)
	known := cfg.Memory != nil && cfg.Memory.Knows(key)
	switch {
	case known:
		p.Answered++
	case seen[key]:
		p.Duplicates++
	case cfg.Limit > 0 && p.ToAsk >= cfg.Limit:
		p.BeyondLimit++
	default:
		p.ToAsk++
	}
	if len(p.First) < firstRequests && !seen[key] {
		request.RequestID = key.String()
		p.First = append(p.First, request)
	}
	seen[key] = true
}

// Questions are those that [Run] would ask about the contacts, in order and each
// as often as it is there. Of cfg it needs Ask, Exclude and Memory.
func Questions(src iter.Seq2[reader.Contact, error], cfg Config) iter.Seq2[Spelling, error] {
	return func(yield func(Spelling, error) bool) {
		for contact, err := range src {
			if err != nil {
				yield(Spelling{}, err)
				return
			}
			request, refused := cfg.question(contact)
			if refused != nil {
				continue
			}
			asked := Spell(request)
			asked.Row = contact.Row
			if !cfg.Memory.Knows(asked.Key) && !yield(asked, nil) {
				return
			}
		}
	}
}
