package cmd

import (
	"context"
	"fmt"
	"strings"

	"infer/cmd/internal/config"
	"infer/datasets"
	"infer/eval"
	"infer/eval/store"
	"infer/report/tui"
	"infer/scoring"
)

// reviewSource gives the review screen its cards, and takes the reviewer's words.
type reviewSource struct {
	s        *store.Store
	run      *eval.Run
	review   *eval.Review
	reviewer string
	fields   map[string]string
	rules    map[string]string // rubrics by task type
	items    []eval.ReviewItem
	said     map[int]eval.Label // by this reviewer
}

var _ tui.Reviews = (*reviewSource)(nil)

func newReviewSource(ctx context.Context, s *store.Store, run *eval.Run, review *eval.Review, reviewer string, cfg *config.Config) (*reviewSource, error) {
	r := &reviewSource{s: s, run: run, review: review, reviewer: reviewer, fields: cfg.Fields, rules: scoring.Rubrics(run.Grading.Rules), said: make(map[int]eval.Label)}
	var err error
	if r.items, err = s.ReviewItems(ctx, review.ID); err != nil {
		return nil, err
	}
	labels, err := s.Labels(ctx, review.ID)
	if err != nil {
		return nil, err
	}
	for _, l := range labels {
		if l.Reviewer == reviewer {
			r.said[l.Item] = l
		}
	}
	return r, nil
}

func (r *reviewSource) judged() int { return len(r.said) }

// first is the first item that this reviewer has not judged.
func (r *reviewSource) first() int {
	for i := range r.items {
		if _, ok := r.said[i]; !ok {
			return i
		}
	}
	return len(r.items)
}

// Card reads one item; nil after the last one.
func (r *reviewSource) Card(ctx context.Context, item int) (*tui.Card, error) {
	if item < 0 || item >= len(r.items) {
		return nil, nil
	}
	it := r.items[item]
	if err := r.s.FillAnswers(ctx, r.run.ID, &it); err != nil {
		return nil, err
	}
	c := &tui.Card{Of: len(r.items), Done: len(r.said), TaskType: it.First.TaskType, Left: answerOf(&it.First)}
	if it.Second != nil {
		right := answerOf(it.Second)
		if it.Swapped {
			c.Left, right = right, c.Left
		}
		c.Right = &right
	}
	var err error
	if c.Task, c.Reference, err = r.task(ctx, it.First.TaskID); err != nil {
		return nil, err
	}
	if c.Rubric = eval.Untrusted(r.rules[it.First.TaskType]); c.Rubric == "" {
		c.Rubric = eval.Untrusted(r.rules[scoring.Other])
	}
	if l, ok := r.said[item]; ok {
		c.Said = &tui.Said{Kind: sided(l.Kind, it.Swapped), Reasons: l.Reasons, Note: l.Note.Raw()}
		if l.Edit != nil {
			edit := l.Edit.Raw()
			c.Said.Edit = &edit
		}
	}
	return c, nil
}

// task reads what was asked and what was expected.
func (r *reviewSource) task(ctx context.Context, id string) (task, reference eval.Untrusted, err error) {
	line, err := r.s.TaskLine(ctx, r.run.ID, id)
	if err != nil {
		return "", "", err
	}
	t, err := datasets.ParseLine(line.Raw, r.fields)
	if err != nil {
		return eval.Untrusted(line.Raw), "", nil // its field names are not known here: the line itself says it all
	}
	var b strings.Builder
	if t.System != "" {
		fmt.Fprintf(&b, "[system] %s\n", t.System)
	}
	for i := range t.Messages {
		m := &t.Messages[i]
		if m.Role != "user" || len(t.Messages) > 1 {
			fmt.Fprintf(&b, "[%s] ", m.Role)
		}
		b.WriteString(m.Text() + "\n")
		for _, p := range m.Parts {
			if p.Type != eval.PartText {
				fmt.Fprintf(&b, "(%s %s%s)\n", p.Type, p.Path, p.URL)
			}
		}
	}
	return eval.Untrusted(strings.TrimSpace(b.String())), eval.Untrusted(scoring.PlainText(t.Expected)), nil
}

// answerOf is an answer as a reviewer reads it.
func answerOf(a *eval.Answer) eval.Untrusted {
	s := a.Text.Raw()
	for _, c := range a.ToolCalls {
		s += fmt.Sprintf("\n(calls the tool %s with %s)", c.Name, c.Arguments)
	}
	return eval.Untrusted(strings.TrimPrefix(s, "\n"))
}

// sided turns a label about the first and second answer into one about the left
// and right side, and back.
func sided(k eval.LabelKind, swapped bool) eval.LabelKind {
	switch {
	case swapped && k == eval.LabelFirst:
		return eval.LabelSecond
	case swapped && k == eval.LabelSecond:
		return eval.LabelFirst
	}
	return k
}

// Say stores a word.
func (r *reviewSource) Say(ctx context.Context, item int, s tui.Said) error {
	if item < 0 || item >= len(r.items) {
		return store.ErrNotFound
	}
	took := s.Took
	l := eval.Label{Item: item, Reviewer: r.reviewer, Kind: sided(s.Kind, r.items[item].Swapped), Reasons: s.Reasons, Note: eval.Untrusted(s.Note), FixTime: s.FixTime, Took: &took}
	if s.Edit != nil {
		u := eval.Untrusted(*s.Edit)
		l.Edit = &u
	}
	if err := r.s.AddLabel(ctx, r.run, r.review, &l); err != nil {
		return err
	}
	r.said[item] = l
	return nil
}

// Undo takes the latest word back.
func (r *reviewSource) Undo(ctx context.Context) (int, bool, error) {
	item, ok, err := r.s.Undo(ctx, r.run, r.review, r.reviewer)
	if ok && err == nil {
		delete(r.said, item)
	}
	return item, ok, err
}
