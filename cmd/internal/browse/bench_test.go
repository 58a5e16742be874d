package browse_test

import (
	"bytes"
	"testing"

	"infer/cmd/internal/browse"
	"infer/eval"
	"infer/report/tui"
)

// BenchmarkMillion times what the browser asks of a store of a million attempts:
// pages in the dataset's order and of a name, one task, one call of a question that
// needs a look at every trial, and the same question once they were all looked at.
func BenchmarkMillion(b *testing.B) {
	s := millionStore(b)
	ask := func(b *testing.B, t *browse.Tasks, q tui.Query) tui.Page {
		b.Helper()
		p, err := t.Tasks(b.Context(), "rmillion00", q)
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	known := browse.New(s, nil)
	whole := tui.Query{Only: tui.OnlyErrors, Size: 60}
	for !ask(b, known, whole).Done() {
	}
	for name, q := range map[string]tui.Query{"page": {Size: 60}, "end": {From: 199_900, Size: 60}, "type": {Type: "title", Size: 60}, "text": {Text: "00123", Size: 60}, "errors": whole,
		"class": {Class: eval.ClassTimeout, Size: 60}, "slowest": {Order: tui.OrderLatency, Size: 60}, "errors of a type": {Only: tui.OnlyErrors, Type: "title", Size: 60}} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				ask(b, known, q)
			}
		})
	}
	b.Run("first look", func(b *testing.B) {
		for range b.N {
			ask(b, browse.New(s, nil), whole)
		}
	})
	b.Run("task", func(b *testing.B) {
		for range b.N {
			if _, err := known.Task(b.Context(), "rmillion00", 150_000); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		for range b.N {
			if _, err := s.Cells(b.Context(), "rmillion00"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestSameBytes: a million-attempt store is made of tasks that are read back as they
// were written; a few of them stand for all.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	a, b := manyTask(7), manyTask(7)
	first, second := manyTrial(7, 1), manyTrial(7, 1)
	if !bytes.Equal(a.Raw, b.Raw) || first.Cost != second.Cost {
		t.Error("the store of a million attempts is not a function of its numbers")
	}
}
