package pipeline

import "context"

// A Brake is the soft stop of a run: once pulled nothing new is asked and every
// wait ends at once, but calls on the wire come to their end and are kept.
type Brake struct {
	ctx   context.Context
	pull  context.CancelCauseFunc
	left  context.Context
	leave context.CancelFunc
}

// NewBrake returns a brake that is also pulled when ctx ends.
func NewBrake(ctx context.Context) *Brake {
	left, leave := context.WithCancel(ctx)
	ctx, pull := context.WithCancelCause(ctx)
	return &Brake{ctx, pull, left, leave}
}

// Pull stops the run; the first reason is the one that counts.
func (b *Brake) Pull(reason error) { b.pull(reason) }

// Leave stops the run, and does not wait for what another run can poll for.
func (b *Brake) Leave(reason error) {
	b.pull(reason)
	b.leave()
}

// Context ends when the brake is pulled.
func (b *Brake) Context() context.Context { return b.ctx }

// Bound is ctx, but ends when the brake is pulled, too.
func (b *Brake) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return bound(ctx, b.ctx)
}

// boundLeft is ctx, but ends when the run is left, too.
func (b *Brake) boundLeft(ctx context.Context) (context.Context, context.CancelFunc) {
	return bound(ctx, b.left)
}

func bound(ctx, other context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(other, cancel)
	return ctx, func() { stop(); cancel() }
}

// Pulled is closed when the run is to stop.
func (b *Brake) Pulled() <-chan struct{} { return b.ctx.Done() }

// Reason says why the run stops, nil while it does not.
func (b *Brake) Reason() error { return context.Cause(b.ctx) }
