package datasets_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"infer/datasets"
	"infer/eval"
)

// numbered is a dataset of n tasks in groups of that size and two task types.
func numbered(t *testing.T, n, group int) *datasets.Source {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"t%d","input":"x","task_type":"%c"`, i, 'a'+rune(i%2))
		if group > 1 {
			fmt.Fprintf(&b, `,"group":"g%d"`, i/group)
		}
		b.WriteString("}\n")
	}
	dir := write(t, map[string]string{"d.jsonl": b.String()})
	return open(t, datasets.Options{}, filepath.Join(dir, "d.jsonl"))
}

func sample(t *testing.T, s *datasets.Source, n int, seed uint64, perType bool) []int {
	t.Helper()
	tasks, err := s.Sample(context.Background(), n, seed, perType)
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for _, task := range tasks {
		out = append(out, task.Seq)
	}
	return out
}

// TestSample draws the same tasks for the same seed, in the dataset's order, each
// once.
func TestSample(t *testing.T) {
	t.Parallel()
	s := numbered(t, 200, 1)
	first := sample(t, s, 20, 7, false)
	if len(first) != 20 || fmt.Sprint(first) != fmt.Sprint(sample(t, s, 20, 7, false)) {
		t.Errorf("drawn: %v", first)
	}
	if fmt.Sprint(first) == fmt.Sprint(sample(t, s, 20, 8, false)) {
		t.Error("another seed draws the same")
	}
	for i := 1; i < len(first); i++ {
		if first[i] <= first[i-1] {
			t.Errorf("not in order: %v", first)
		}
	}
	if got := sample(t, s, 1000, 1, false); len(got) != 200 {
		t.Errorf("of 200 tasks, 1000 drawn are %d", len(got))
	}
	kinds := map[int]int{}
	for _, seq := range sample(t, s, 5, 1, true) {
		kinds[seq%2]++
	}
	if kinds[0] != 5 || kinds[1] != 5 {
		t.Errorf("five of each type are %v", kinds)
	}
}

// TestSampleIsFair draws 3 of 10 with two thousand seeds: each task must come up
// as often as chance has it. The limit is one that a fair draw exceeds once in a
// million, for these fixed seeds never.
func TestSampleIsFair(t *testing.T) {
	t.Parallel()
	s := numbered(t, 10, 1)
	const draws = 2000
	var hits [10]float64
	for seed := range uint64(draws) {
		for _, seq := range sample(t, s, 3, seed, false) {
			hits[seq]++
		}
	}
	chi2 := 0.0
	for _, h := range hits {
		want := draws * 0.3
		chi2 += (h - want) * (h - want) / (want * 0.7) // hypergeometric draws vary less than independent ones
	}
	if chi2 > 42 { // 9 degrees of freedom: P < 4e-6
		t.Errorf("drawn %v: χ² = %.1f", hits, chi2)
	}
}

// TestSplit puts every task into one part, a group into one part, near the shares,
// and moves nothing when tasks are added.
func TestSplit(t *testing.T) {
	t.Parallel()
	part := func(s *datasets.Source, shares []float64, seed uint64) map[string]int {
		out := make(map[string]int)
		err := s.Split(context.Background(), shares, seed, func(p int, task *eval.Task) error {
			if _, twice := out[task.ID]; twice {
				t.Errorf("%s comes twice", task.ID)
			}
			out[task.ID] = p
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	small, large := numbered(t, 400, 4), numbered(t, 4000, 4)
	parts := part(large, []float64{8, 2}, 1)
	if len(parts) != 4000 {
		t.Fatalf("%d tasks", len(parts))
	}
	counts := make([]float64, 2)
	for i := range 4000 {
		p := parts[fmt.Sprint("t", i)]
		counts[p]++
		if p != parts[fmt.Sprint("t", i/4*4)] {
			t.Errorf("task %d is not where its group is", i)
		}
	}
	if share := counts[1] / 4000; math.Abs(share-0.2) > 5*math.Sqrt(0.2*0.8/1000) {
		t.Errorf("the second part holds %.3f, want 0.2", share)
	}
	for id, p := range part(small, []float64{0.8, 0.2}, 1) {
		if parts[id] != p {
			t.Errorf("%s was moved by the tasks behind it", id)
		}
	}
	other := part(small, []float64{8, 2}, 2)
	moved := 0
	for id, p := range part(small, []float64{8, 2}, 1) {
		if other[id] != p {
			moved++
		}
	}
	if moved == 0 {
		t.Error("another seed splits the same")
	}
}

// TestSplitRefused refuses shares that mean nothing, and a dataset that is not
// whole.
func TestSplitRefused(t *testing.T) {
	t.Parallel()
	s := numbered(t, 4, 1)
	none := func(int, *eval.Task) error { return nil }
	for _, shares := range [][]float64{nil, {1}, {1, 0}, {1, -1}, {1, math.NaN()}, {1, math.Inf(1)}} {
		if err := s.Split(context.Background(), shares, 1, none); eval.KindOf(err) != eval.KindInvalid || err == nil {
			t.Errorf("%v: %v", shares, err)
		}
	}
	dir := write(t, map[string]string{"d.jsonl": `{"input":"x"}` + "\n{\n"})
	broken := open(t, datasets.Options{}, filepath.Join(dir, "d.jsonl"))
	if err := broken.Split(context.Background(), []float64{1, 1}, 1, none); eval.KindOf(err) != eval.KindInvalid || err == nil {
		t.Errorf("a broken dataset is split: %v", err)
	}
	if _, err := broken.Sample(context.Background(), 1, 1, false); eval.KindOf(err) != eval.KindInvalid || err == nil {
		t.Errorf("a broken dataset is sampled: %v", err)
	}
	if _, err := s.Sample(context.Background(), 0, 1, false); eval.KindOf(err) != eval.KindInvalid || err == nil {
		t.Errorf("none are drawn: %v", err)
	}
}
