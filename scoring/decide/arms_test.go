package decide_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"infer/eval"
	"infer/scoring/decide"
)

// arms compares two candidates with b tasks for the first alone, c for the second
// alone and both accepted on the rest of n.
func arms(t *testing.T, b, c, n int) (*eval.ComparisonTable, error) {
	t.Helper()
	w := world{tasks: n, kind: low(0.05), models: []model{
		{name: "a", ok: func(i int) bool { return i < b || i >= b+c }, price: 2 * cent},
		{name: "b", ok: func(i int) bool { return i >= b }, price: cent}}}
	in, err := w.input(w.outcomes())
	if err != nil {
		t.Fatal(err)
	}
	return decide.Compare(decide.Arms{Names: []string{"a", "b"}, Evidence: in.Evidence, Alpha: 0.05,
		Kind: func(string) eval.TaskType { return low(0.05) }, ID: func(seq int32) string { return fmt.Sprint("t", seq) }})
}

// TestCompare holds a comparison against published figures and the three
// sentences.
func TestCompare(t *testing.T) {
	t.Parallel()
	// Fagerland, Lydersen & Laake 2013: b = 1, c = 7, n = 21.
	c, err := arms(t, 1, 7, 21)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Types[0].Pairs[0]
	if math.Abs(p.Lo+0.517) > 0.0005 || math.Abs(p.Hi+0.026) > 0.0005 || math.Abs(p.McNemarP-0.039) > 0.0005 {
		t.Errorf("interval %v–%v, mid-p %v", p.Lo, p.Hi, p.McNemarP)
	}
	if strings.Join(p.FlipsA, " ") != "t0" || strings.Join(p.FlipsB, " ") != "t1 t2 t3 t4 t5 t6 t7" {
		t.Errorf("flips %v and %v", p.FlipsA, p.FlipsB)
	}
	if p.CostRatio == nil || math.Abs(*p.CostRatio.Point-2*20.0/14) > 1e-12 {
		t.Errorf("cost ratio %+v", p.CostRatio)
	}
	for _, s := range []struct {
		b, c, n int
		want    string
	}{{1, 7, 21, "b is better than a by 28.6 points"}, {30, 2, 200, "a is better than b by 14.0 points"}, {5, 5, 1000, "a is within 5 points of b"},
		{4, 3, 60, "about"}, {0, 12, 60, "b is better"}, {1, 4, 40, "not expected"}} {
		c, err := arms(t, s.b, s.c, s.n)
		if err != nil {
			t.Fatal(err)
		}
		got := c.Types[0].Pairs[0].Sentence
		if !strings.Contains(got, s.want) || strings.Contains(got, "equal") {
			t.Errorf("b=%d c=%d n=%d: %q, want …%s…", s.b, s.c, s.n, got, s.want)
		}
	}
}

// TestCompareUnequal refuses arms with different tasks, and those without a common
// one.
func TestCompareUnequal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shift   int32
		partial bool
		want    error
		tasks   int64
	}{{0, false, nil, 20}, {5, false, decide.ErrUnequal, 0}, {5, true, nil, 15}, {20, true, decide.ErrNothingCommon, 0}} {
		b := decide.NewBuilder([]string{"work"}, 2)
		for i := range int32(20) {
			for k := range int32(2) {
				if err := b.Add(&eval.Outcome{TaskSeq: i + k*c.shift, Cluster: i + k*c.shift, Candidate: k, Verdict: eval.Accepted}); err != nil {
					t.Fatal(err)
				}
			}
		}
		e, err := b.Evidence()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decide.Compare(decide.Arms{Names: []string{"a", "b"}, Evidence: e, Alpha: 0.05, AllowPartial: c.partial,
			Kind: func(string) eval.TaskType { return low(0.05) }, ID: func(int32) string { return "" }})
		if !errors.Is(err, c.want) {
			t.Errorf("shift %d: %v, want %v", c.shift, err, c.want)
		}
		if err == nil && got.Types[0].Tasks != c.tasks {
			t.Errorf("shift %d: %d tasks, want %d", c.shift, got.Types[0].Tasks, c.tasks)
		}
	}
}
