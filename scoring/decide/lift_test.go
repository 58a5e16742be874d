package decide_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/scoring/decide"
)

// TestOutageLift: outages that fall together are reported beside the backup, where
// there are enough five-minute windows to say so.
func TestOutageLift(t *testing.T) {
	t.Parallel()
	windows := func(n int, down ...int64) decide.Windows {
		w := make(decide.Windows)
		for i := range int64(n) {
			w[i] = false
		}
		for _, d := range down {
			w[d] = true
		}
		return w
	}
	for _, c := range []struct {
		name string
		a, b decide.Windows
		want float64 // 0 = none
	}{
		{"always together", windows(20, 3, 7), windows(20, 3, 7), 10},
		{"once of two each", windows(20, 3, 7), windows(20, 3, 9), 5},
		{"never together", windows(20, 3), windows(20, 9), 0},
		{"one was never down", windows(20, 3), windows(20), -1},
		{"too few windows", windows(9, 3), windows(9, 3), -1},
		{"windows that only one was called in", windows(20, 3), decide.Windows{3: true}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := world{tasks: 200, kind: low(0.05), models: []model{
				{name: "a", provider: "p", ok: share(19, 20), price: cent, latency: time.Millisecond},
				{name: "b", provider: "q", ok: share(19, 20), price: 2 * cent, latency: time.Millisecond}}}
			in, err := w.input(w.outcomes())
			if err != nil {
				t.Fatal(err)
			}
			in.Windows = func(candidate int) decide.Windows { return []decide.Windows{c.a, c.b}[candidate] }
			r, err := decide.Recommend(in)
			if err != nil {
				t.Fatal(err)
			}
			b := r.Types[0].Backup
			if b == nil {
				t.Fatalf("no backup: %+v", r.Types[0])
			}
			check(t, b, c.want)
		})
	}
}

func check(t *testing.T, b *eval.Backup, want float64) {
	t.Helper()
	switch {
	case want < 0 && (b.Lift != nil || strings.Contains(b.Reason, "windows")):
		t.Errorf("lift %v, want none: %s", b.Lift, b.Reason)
	case want >= 0 && (b.Lift == nil || math.Abs(*b.Lift-want) > 1e-9 || !strings.Contains(b.Reason, "five-minute windows")):
		t.Errorf("lift %v, want %v: %s", b.Lift, want, b.Reason)
	}
}
