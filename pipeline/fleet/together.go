package fleet

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// together has one transaction do what many jobs of a host want at about the same time:
// whoever is first does it for all who came until then, and the others wait for that one.
type together[T any] struct {
	do   func([]T) error // all of it or nothing; may be repeated
	size func(T) int     // in bytes: they are statementBytes at most

	first   chan struct{} // held by those who do it
	mu      sync.Mutex
	waiting []*member[T]
}

type member[T any] struct {
	item T
	err  error
	done chan struct{}
}

// gather is how long the first one waits for others: little beside a call.
const gather = 15 * time.Millisecond

// newTogether lets so many transactions go on at the same time.
func newTogether[T any](transactions int, do func([]T) error, size func(T) int) *together[T] {
	return &together[T]{do: do, size: size, first: make(chan struct{}, transactions)}
}

// add has it done for an item with whatever is done next.
func (g *together[T]) add(item T) *member[T] {
	m := &member[T]{item: item, done: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, m)
	return m
}

// join returns when it is done, or why it was not.
func (g *together[T]) join(item T) error {
	m := g.add(item)
	for {
		select {
		case <-m.done:
			return m.err
		case g.first <- struct{}{}:
		}
		select {
		case <-m.done: // by the one before
		default:
			time.Sleep(gather)
			g.lead()
		}
		<-g.first
	}
}

// lead does it for those who have waited longest. What the database refuses of one is no
// reason to lose the others.
func (g *together[T]) lead() {
	all := g.some()
	if len(all) == 0 { // others who lead took them
		return
	}
	items := make([]T, len(all))
	for i, m := range all {
		items[i] = m.item
	}
	err := g.try(items)
	for i, m := range all {
		if m.err = err; len(all) > 1 && (permanent(err) || errors.Is(err, errInternal)) {
			m.err = g.try(items[i : i+1])
		}
		close(m.done)
	}
}

var errInternal = errors.New("internal error, please report it")

// try makes an error of a panic: the others wait for whoever leads.
func (g *together[T]) try(items []T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v\n%s", errInternal, p, debug.Stack())
		}
	}()
	return g.do(items)
}

// some are as many as one transaction takes.
func (g *together[T]) some() (all []*member[T]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, bytes := 0, 0
	for n < len(g.waiting) && (n == 0 || bytes+g.size(g.waiting[n].item) <= statementBytes) {
		bytes += g.size(g.waiting[n].item)
		n++
	}
	all, g.waiting = g.waiting[:n], g.waiting[n:]
	return all
}
