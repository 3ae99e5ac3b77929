package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"octave-enrich/octave"
)

// Budgets bound what one run may spend; the zero value bounds nothing.
type Budgets struct {
	MaxCalls int    // attempts
	HasCalls bool   // MaxCalls is set
	MaxUsage Amount // usage of this run's calls
	HasUsage bool   // MaxUsage is set

	// CostToRun is what a call costs by the word of the agent, Largest the largest
	// usage that an answer in the checkpoint reported; 0 when not known.
	CostToRun, Largest Amount
}

// Expected is what a call is taken to cost before its answer says so: the larger
// of the agent's word and the largest usage reported, 1 when neither is known.
func (b Budgets) Expected() Amount {
	if expected := b.CostToRun.Max(b.Largest); expected.Cmp(Amount{}) > 0 {
		return expected
	}
	return Amount{big.NewRat(1, 1)}
}

// Affords says how many of n calls a run with these budgets makes when each of
// them reports the usage mean, and which budget ends it, nil when none does.
func (b Budgets) Affords(n int, mean Amount) (calls int, ends error) {
	calls = n
	if b.HasCalls && b.MaxCalls < calls {
		calls, ends = b.MaxCalls, ErrMaxCalls
	}
	if !b.HasUsage || n == 0 {
		return calls, ends
	}
	if (&budget{Budgets: b}).over() {
		return 0, ErrMaxUsage
	}
	// The last one starts when just its expected cost is left.
	if fit := b.MaxUsage.Sub(b.Expected()).fits(mean); fit+1 < calls {
		return fit + 1, ErrMaxUsage
	}
	return calls, ends
}

// Budget starts no call that could take the run beyond a budget. Before a call its
// expected cost is reserved, see [Budgets.Expected], and afterwards what it really
// cost is spent: so a budget is overshot only by a call that costs more than any
// before it. A call that may have been billed without an answer is taken to have
// cost what was reserved. Who does not fit beside the calls in flight waits for
// them; who does not fit at all stops the run. A budget that is never asked for
// more than it holds does not.
//
// It belongs outside of Limit, so that nobody waits here with a token in hand.
func Budget(agent Agent, budgets Budgets, brake *Brake) Agent {
	b := &budget{Budgets: budgets, changed: make(chan struct{})}
	return func(ctx context.Context, q *Question) (answer *octave.Answer, err error) {
		reserved, err := b.reserve(ctx, brake)
		if err != nil {
			return nil, err
		}
		defer func() { b.settle(reserved, answer, err) }() // also when it panics
		return agent(ctx, q)
	}
}

type budget struct {
	Budgets
	mu       sync.Mutex
	calls    int // made, and in flight
	inFlight int
	spent    Amount
	reserved Amount        // by the calls in flight
	changed  chan struct{} // closed when a call in flight ends
}

// reserve waits until a call fits, and returns what it reserved. It pulls the
// brake when none will.
func (b *budget) reserve(ctx context.Context, brake *Brake) (Amount, error) {
	for {
		cost, changed, over := b.try()
		switch {
		case over != nil:
			brake.Pull(over)
			return cost, ErrStopped
		case changed == nil:
			return cost, nil
		}
		select {
		case <-changed:
		case <-brake.Pulled():
			return cost, ErrStopped
		case <-ctx.Done():
			return cost, ErrStopped
		}
	}
}

// try reserves for one more call. A channel says that it does not fit now, and
// when to try again; an error that it never will.
func (b *budget) try() (cost Amount, changed <-chan struct{}, over error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	cost = b.Expected()
	switch {
	case b.HasCalls && b.calls-b.inFlight >= b.MaxCalls:
		return cost, nil, ErrMaxCalls
	case b.HasUsage && b.over():
		return cost, nil, fmt.Errorf("%w: %v credits so far, and a call may cost %v", ErrMaxUsage, b.spent, cost)
	case b.HasCalls && b.calls >= b.MaxCalls,
		b.HasUsage && b.spent.add(b.reserved).add(cost).Cmp(b.MaxUsage) > 0:
		return cost, b.changed, nil
	}
	b.calls++
	b.inFlight++
	b.reserved = b.reserved.add(cost)
	return cost, nil, nil
}

// over says whether no call fits, were none in flight.
func (b *budget) over() bool {
	return b.spent.add(b.Expected()).Cmp(b.MaxUsage) > 0
}

// settle gives back what was reserved and spends what the call cost.
func (b *budget) settle(reserved Amount, answer *octave.Answer, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	b.reserved = b.reserved.Sub(reserved)
	var call *octave.Error
	var notMade *notMadeError
	switch {
	case isWaiting(err): // it may cost that, whoever gets the answer
		b.spent = b.spent.add(reserved)
	case answer != nil:
		usage := Amount{}.Plus(answer.Usage)
		b.spent = b.spent.add(usage)
		b.Largest = b.Largest.Max(usage)
	case err == nil, errors.As(err, &call) && call.MaybeBilled:
		b.spent = b.spent.add(reserved)
	case errors.Is(err, ErrStopped), errors.As(err, &notMade):
		b.calls--
	}
	close(b.changed)
	b.changed = make(chan struct{})
}
