package pipeline

import (
	"context"
	"sync"

	"octave-enrich/octave"
)

// Budgets bound what one run may spend; the zero value bounds nothing.
type Budgets struct {
	MaxCalls int    // attempts
	MaxUsage Amount // usage as reported by the answers of this run
	HasUsage bool   // MaxUsage is set
}

// Budget stops starting calls when a budget is spent; calls on the wire end.
// It belongs right around the call, inside Limit: what was spent while a caller
// waited for its token counts. A budget that is never asked for more than it holds does not stop the run.
func Budget(agent Agent, budgets Budgets, brake *Brake) Agent {
	b := &budget{Budgets: budgets}
	return func(ctx context.Context, q *Question) (*octave.Answer, error) {
		if reason := b.start(); reason != nil {
			brake.Pull(reason)
			return nil, ErrStopped
		}
		answer, err := agent(ctx, q)
		if err == nil && b.HasUsage {
			b.spend(answer.Usage)
		}
		return answer, err
	}
}

type budget struct {
	Budgets
	mu    sync.Mutex
	calls int
	usage Amount
}

func (b *budget) start() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.MaxCalls > 0 && b.calls >= b.MaxCalls:
		return ErrMaxCalls
	case b.HasUsage && b.usage.Cmp(b.MaxUsage) >= 0:
		return ErrMaxUsage
	}
	b.calls++
	return nil
}

func (b *budget) spend(usage octave.Decimal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.usage = b.usage.Plus(usage)
}
