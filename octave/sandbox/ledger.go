package sandbox

import (
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"time"
)

// Ledger is what a run did to the service. It holds no personal data:
// contacts go by the hash of their question.
type Ledger struct {
	Looked      int              `json:"looked"`        // calls of the account and agents endpoints
	Asked       int              `json:"asked"`         // calls with a valid key and body
	Billed      int              `json:"billed"`        // calls that cost something
	Delivered   int              `json:"delivered"`     // whole answers handed to the network
	Refused     int              `json:"refused"`       // calls turned away by the rate limit
	Usage       float64          `json:"usage"`         // credits billed
	MaxInFlight int              `json:"max_in_flight"` // calls at the same time, at most
	PerSecond   []int            `json:"per_second"`    // calls started, by second since the first
	Faults      map[string]int   `json:"faults"`        // injected, by kind
	Contacts    map[string]Count `json:"contacts"`      // by question, in hex: see [Question]

	// Asynchronous work: how often it was polled for, the most of it at the same
	// time that was told of and not fetched, and each by its id.
	Polled     int             `json:"polled"`
	MaxWaiting int             `json:"max_waiting"`
	Works      map[string]Work `json:"works"`
}

// Work is what happened to one piece of asynchronous work.
type Work struct {
	Question string `json:"question"` // in hex
	Billed   bool   `json:"billed"`
	Told     bool   `json:"told"`    // its id went out whole
	Polled   int    `json:"polled"`  // by this id
	Fetched  int    `json:"fetched"` // results that went out whole
}

// Count is what happened to one question.
type Count struct {
	Asked     int `json:"asked"`
	Billed    int `json:"billed"`
	Delivered int `json:"delivered"`
}

// books is the ledger being written, with what decides about the next call:
// the token bucket, the credits left and the script.
type books struct {
	mu       sync.Mutex
	cfg      Config
	ledger   Ledger
	contacts map[[16]byte]*contact
	works    map[string]*work
	waiting  int // works that were told of and not fetched
	inFlight int
	begun    time.Time // first call
	scripted int       // calls that took their turn in the script
	tokens   float64
	filled   time.Time // when tokens was last computed
}

type contact struct {
	Count
	turns int // calls that were not refused: the n-th ask, for the faults
}

func newBooks(cfg Config) *books {
	b := &books{cfg: cfg}
	b.reset()
	return b
}

func (b *books) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger = Ledger{Faults: map[string]int{}}
	b.contacts = map[[16]byte]*contact{}
	b.works, b.waiting = map[string]*work{}, 0
	b.begun, b.scripted = time.Time{}, 0
	b.tokens, b.filled = float64(b.cfg.Burst), time.Time{}
}

// turn is the place of an accepted call among all, and among those with the
// same question, both from 0.
type turn struct{ call, ask int }

// open enters a call and reports whether the rate limit lets it pass. A
// refused call takes no turn: the faults of a run must not depend on how fast
// it asks.
func (b *books) open(q [16]byte, now time.Time) (turn, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tick(now)
	c := b.contact(q)
	c.Asked++
	b.ledger.Asked++
	b.inFlight++
	b.ledger.MaxInFlight = max(b.ledger.MaxInFlight, b.inFlight)
	if !b.token(now) {
		b.ledger.Refused++
		return turn{}, false
	}
	t := turn{call: b.scripted, ask: c.turns}
	b.scripted++
	c.turns++
	return t, true
}

// shut ends a call that open entered.
func (b *books) shut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
}

func (b *books) tick(now time.Time) {
	if b.begun.IsZero() {
		b.begun = now
	}
	second := int(max(0, now.Sub(b.begun)) / time.Second)
	for len(b.ledger.PerSecond) <= second {
		b.ledger.PerSecond = append(b.ledger.PerSecond, 0)
	}
	b.ledger.PerSecond[second]++
}

// token takes one out of the bucket, if there is one.
func (b *books) token(now time.Time) bool {
	if b.cfg.Rate <= 0 {
		return true
	}
	if !b.filled.IsZero() {
		b.tokens += b.cfg.Rate * max(0, now.Sub(b.filled)).Seconds()
	}
	b.filled = now
	b.tokens = min(b.tokens, float64(b.cfg.Burst))
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// contact is the entry of a question. A reset may have come between two
// entries of one call, so it is made when it is not there.
func (b *books) contact(q [16]byte) *contact {
	c := b.contacts[q]
	if c == nil {
		c = &contact{}
		b.contacts[q] = c
	}
	return c
}

// bill charges a call, or reports that the credits do not suffice.
func (b *books) bill(q [16]byte, cost float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	const rounding = 1e-9 // three times 0.1 is more than 0.3
	if b.cfg.Credits > 0 && b.ledger.Usage+cost > b.cfg.Credits+rounding {
		return false
	}
	if cost > 0 {
		b.ledger.Usage += cost
		b.ledger.Billed++
		b.contact(q).Billed++
	}
	return true
}

func (b *books) deliver(q [16]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.Delivered++
	b.contact(q).Delivered++
}

func (b *books) look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.Looked++
}

func (b *books) fault(kind string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.Faults[kind]++
}

func (b *books) usage() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledger.Usage
}

func (b *books) copy() Ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.ledger
	l.PerSecond = slices.Clone(l.PerSecond)
	l.Faults = maps.Clone(l.Faults)
	l.Contacts = make(map[string]Count, len(b.contacts))
	for q, c := range b.contacts {
		l.Contacts[hex.EncodeToString(q[:])] = c.Count
	}
	l.Works = make(map[string]Work, len(b.works))
	for id, w := range b.works {
		l.Works[id] = w.Work
	}
	return l
}
