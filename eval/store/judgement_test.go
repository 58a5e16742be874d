package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/store"
)

// TestJudgements: what a judge said is kept once, every attempt and its cost with
// it; a call whose end nobody saw is told from one that failed.
func TestJudgements(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openNew(t)
	key := eval.DigestOf([]byte("question"))
	if _, ok, err := s.Kept(ctx, key); ok || err != nil {
		t.Fatalf("%v %v", ok, err)
	}
	if _, err := s.Judgement(ctx, key); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("%v", err)
	}
	if err := s.Intend(ctx, key, "judge", "strict", []byte(`{"model":"m"}`)); err != nil {
		t.Fatal(err)
	}
	j, err := s.Judgement(ctx, key)
	if err != nil || j.Attempts != nil || j.Answer != nil || string(j.Asked) != `{"model":"m"}` || j.Name != "strict" {
		t.Fatalf("about to be sent: %+v, %v", j, err)
	}
	failed := []eval.Attempt{{Candidate: "strict", Model: "m", Billing: eval.Unbilled, Cost: eval.Between(0, 7), InFlight: time.Second, Failure: &eval.Failure{Class: eval.ClassTimeout}}}
	if err := s.Keep(ctx, key, nil, failed); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Kept(ctx, key); ok || err != nil {
		t.Fatalf("a failure is no answer: %v %v", ok, err)
	}
	if err := s.Intend(ctx, key, "judge", "strict", []byte(`{"model":"m"}`)); err != nil {
		t.Fatal(err)
	}
	answer := eval.Untrusted("fine\nVERDICT pass-\x00")
	if err := s.Keep(ctx, key, &answer, []eval.Attempt{{Candidate: "strict", Model: "m", Billing: eval.Billed, Cost: eval.Exactly(5), Output: answer}}); err != nil {
		t.Fatal(err)
	}
	got, ok, err := s.Kept(ctx, key)
	if !ok || err != nil || got != answer {
		t.Fatalf("%q %v %v", got.Raw(), ok, err)
	}
	if j, err = s.Judgement(ctx, key); err != nil || len(j.Attempts) != 2 || j.Attempts[0].Failure.Class != eval.ClassTimeout || j.Cost != eval.Between(5, 12) || *j.Answer != answer {
		t.Errorf("%+v, %v", j, err)
	}
	if problems, err := s.Check(ctx); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// TestForgottenJudgements: a deleted run takes the questions that its grades rest on
// with it, but not those of another run, and not one that no grade rests on yet.
func TestForgottenJudgements(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	keys := map[string]eval.Digest{"own": eval.DigestOf([]byte("own")), "shared": eval.DigestOf([]byte("shared")), "open": eval.DigestOf([]byte("open"))}
	for name, key := range keys {
		if err := s.Intend(t.Context(), key, "judge", "strict", []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	judged := func(id string, rest ...string) {
		t.Helper()
		run := newRun(id, "x")
		j := begin(t, s, run, 1)
		trial := plain(0, 0, true, 5)
		g := &eval.Grade{Verdict: eval.Accepted}
		for _, name := range rest {
			g.Scores = append(g.Scores, eval.Score{Grader: "judge", Calls: []eval.Call{{Key: keys[name], Name: "strict"}}})
		}
		trial.Attempts[0].Grade = g
		record(t, j, trial)
		if err := s.FinishRun(t.Context(), id, eval.RunComplete); err != nil {
			t.Fatal(err)
		}
	}
	judged("r1", "own", "shared")
	judged("r2", "shared")
	for _, c := range []struct {
		remove string
		left   []string
	}{{"r1", []string{"shared", "open"}}, {"r2", []string{"open"}}} {
		if err := s.DeleteRun(t.Context(), c.remove); err != nil {
			t.Fatal(err)
		}
		var left []string
		for _, name := range []string{"own", "shared", "open"} {
			if _, err := s.Judgement(t.Context(), keys[name]); err == nil {
				left = append(left, name)
			} else if !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
		}
		if !slices.Equal(left, c.left) {
			t.Errorf("without %s there are %v, want %v", c.remove, left, c.left)
		}
	}
}
