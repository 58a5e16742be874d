package runner

import (
	"context"

	"infer/eval"
)

// Slots is a Limiter that bounds how many calls are in flight at a provider.
type Slots struct{ free chan struct{} }

var _ Limiter = (*Slots)(nil)

// NewSlots allows n calls in flight, at least one.
func NewSlots(n int) *Slots { return &Slots{make(chan struct{}, max(1, n))} }

// Acquire waits for a free slot.
func (s *Slots) Acquire(ctx context.Context) (func(*eval.Response), error) {
	select {
	case s.free <- struct{}{}:
		return func(*eval.Response) { <-s.free }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
