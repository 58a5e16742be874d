package store_test

import (
	"context"
	"errors"
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
