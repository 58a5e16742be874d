package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"infer/eval"
	"infer/eval/store"
	"infer/report"
	"infer/report/tui"
)

// browseReviews gives the browser a run's reviews. A store is opened for writing while
// one is open.
type browseReviews struct {
	*browseSource
	as reviewOptions // whose reviews

	mu   sync.Mutex
	open []func(context.Context) error // what Close has to end
}

var _ tui.ReviewSource = (*browseReviews)(nil)

// offered are the reviews that can be begun with a key: those that infer review draws
// without further flags, and pairs of the two candidates that lead.
func (b *browseReviews) offered(ctx context.Context, run *eval.Run) ([]eval.Review, error) {
	single := b.as
	single.size, single.seed = reviewSize, 1
	plan, err := single.plan(run)
	if err != nil {
		return nil, err
	}
	list := []eval.Review{plan}
	r, err := loadReport(ctx, b.s, run.ID)
	if err != nil {
		return nil, err
	}
	leaders := leading(r)
	if len(leaders) < 2 {
		return list, nil
	}
	pairs := single
	pairs.pairs = leaders[0] + "," + leaders[1]
	if plan, err = pairs.plan(run); err == nil { // a name with a comma cannot be written so
		list = append(list, plan)
	}
	return list, nil
}

// leading are the candidates that were called, the most accepted first.
func leading(r *report.Report) []string {
	var cells []*report.Cell
	for i := range r.Cells {
		if c := &r.Cells[i]; c.TaskType == report.Overall && !c.Recorded && c.Acceptance.Point != nil {
			cells = append(cells, c)
		}
	}
	slices.SortStableFunc(cells, func(a, b *report.Cell) int {
		switch {
		case *a.Acceptance.Point > *b.Acceptance.Point:
			return -1
		case *a.Acceptance.Point < *b.Acceptance.Point:
			return 1
		}
		return 0
	})
	names := make([]string, len(cells))
	for i := range cells {
		names[i] = cells[i].Candidate
	}
	return names
}

// Reviews lists what was begun and what can be.
func (b *browseReviews) Reviews(ctx context.Context, id string) ([]tui.ReviewLine, error) {
	run, err := b.s.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	begun, err := b.s.Reviews(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	offered, err := b.offered(ctx, run)
	if err != nil {
		return nil, err
	}
	var out []tui.ReviewLine
	for i := range begun {
		r := &begun[i]
		line := b.line(run, r)
		line.Begun, line.Items = true, r.Items
		labels, err := b.s.Labels(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		for _, l := range labels {
			if l.Reviewer == b.as.who() {
				line.Judged++
			}
		}
		out = append(out, line)
	}
	for i := range offered {
		if !slices.ContainsFunc(begun, func(r eval.Review) bool { return r.ID == offered[i].ID }) {
			out = append(out, b.line(run, &offered[i]))
		}
	}
	return out, nil
}

// line is a review in words and as a command.
func (b *browseReviews) line(run *eval.Run, r *eval.Review) tui.ReviewLine {
	var names []string
	for _, i := range r.Candidates {
		if i >= 0 && i < len(run.Candidates) {
			names = append(names, run.Candidates[i].Name)
		}
	}
	args := []string{"review", run.ID}
	what := "single answers"
	switch {
	case r.Mode == eval.ReviewPairs:
		what = "pairs: " + strings.Join(names, " against ")
		args = append(args, "--pairs", strings.Join(names, ","))
	case len(names) > 0:
		what += " of " + strings.Join(names, ", ")
		for _, n := range names {
			args = append(args, "--candidate", n)
		}
	}
	if r.TaskType != "" {
		what += " to " + r.TaskType
		args = append(args, "--task-type", r.TaskType)
	}
	if r.PerCell {
		what += fmt.Sprintf(", %d of each candidate and task type", r.Size)
		args = append(args, "--per-cell", strconv.Itoa(r.Size))
	} else {
		args = append(args, "-n", strconv.Itoa(r.Size))
	}
	if r.Seed != 1 {
		args = append(args, "--seed", strconv.FormatUint(r.Seed, 10))
	}
	if r.HourlyRate != nil {
		args = append(args, "--hourly-rate", r.HourlyRate.String())
	}
	if b.as.reviewer != "" {
		args = append(args, "--reviewer", b.as.reviewer)
	}
	return tui.ReviewLine{ID: r.ID, What: what, Items: r.Size, Command: args}
}

// Review opens a review, and draws one that was not begun.
func (b *browseReviews) Review(ctx context.Context, id, review string) (_ *tui.ReviewSession, err error) {
	w, err := store.Open(ctx, b.s.Path(), store.Options{Now: b.app.Now})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	run, err := w.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	r, err := b.draw(ctx, w, run, review)
	if err != nil {
		return nil, err
	}
	src, err := newReviewSource(ctx, w, run, r, b.as.who(), b.cfg)
	if err != nil {
		return nil, err
	}
	var once sync.Once
	end := func(ctx context.Context) (err error) {
		once.Do(func() { err = errors.Join(w.Reroll(ctx, run.ID), w.Close()) })
		return err
	}
	b.mu.Lock()
	b.open = append(b.open, end)
	b.mu.Unlock()
	return &tui.ReviewSession{Reviews: src, Reviewer: b.as.who(), First: src.first(), Edit: b.as.editor, Close: end}, nil
}

// draw finds a review that was begun, or begins the offered one of that name.
func (b *browseReviews) draw(ctx context.Context, w *store.Store, run *eval.Run, review string) (*eval.Review, error) {
	offered, err := b.offered(ctx, run)
	if err != nil {
		return nil, err
	}
	for i := range offered {
		if offered[i].ID == review {
			return w.StartReview(ctx, run, offered[i])
		}
	}
	return w.Review(ctx, review)
}

// Close ends what is still open when the browser ends.
func (b *browseReviews) Close(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, end := range b.open {
		errs = append(errs, end(ctx))
	}
	return errors.Join(errs...)
}
