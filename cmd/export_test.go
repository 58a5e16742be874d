package cmd

import (
	"context"
	"errors"
	"io"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval/store"
	"infer/report/tui"
)

// NewRoot gives tests the command tree.
var NewRoot = newRoot

// ReadReview gives tests the reader of filled-in reviews.
func ReadReview(r io.Reader) (int, error) {
	rows, _, err := readReviewFile(r)
	return len(rows), err
}

// Browsed is what the browser shows of a run in a store, by the configuration at a
// path; the store is closed by the function that is returned.
func Browsed(ctx context.Context, app *cli.App, db, path, run string) (tui.Options, func() error, error) {
	o := &browseOptions{app: app, run: run, flags: config.Flags{Config: path}}
	cfg, _, err := config.Load(app.Dir, "", o.flags, app.Env)
	if err != nil {
		return tui.Options{}, nil, err
	}
	s, err := store.OpenReadOnly(ctx, db)
	if err != nil {
		return tui.Options{}, nil, err
	}
	show, reviews, err := o.show(ctx, cfg, s)
	return show, func() error { return errors.Join(reviews.Close(context.WithoutCancel(ctx)), s.Close()) }, err
}
