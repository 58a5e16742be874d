package cmd

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/store"
)

// reviewRow is one item in a file. It does not say who answered.
type reviewRow struct {
	Review     string          `json:"review"`
	Item       int             `json:"item"`
	TaskType   string          `json:"task_type"`
	Task       eval.Untrusted  `json:"task"`
	Reference  eval.Untrusted  `json:"reference"`
	Answer     *eval.Untrusted `json:"answer,omitempty"`
	Left       *eval.Untrusted `json:"left,omitempty"`
	Right      *eval.Untrusted `json:"right,omitempty"`
	Label      string          `json:"label"`
	Reasons    []string        `json:"reasons"`
	Note       eval.Untrusted  `json:"note"`
	Edit       *eval.Untrusted `json:"edit"`
	FixSeconds *float64        `json:"fix_seconds"`
	Reviewer   string          `json:"reviewer,omitempty"`
}

// fileLabels are the labels as files write them, by mode.
var fileLabels = map[eval.ReviewMode]map[string]eval.LabelKind{
	eval.ReviewSingle: {"accept": eval.LabelAccept, "fix": eval.LabelFix, "reject": eval.LabelReject, "skip": eval.LabelSkip},
	eval.ReviewPairs:  {"left": eval.LabelFirst, "right": eval.LabelSecond, "both": eval.LabelBoth, "neither": eval.LabelNeither, "skip": eval.LabelSkip},
}

func labelNames(m eval.ReviewMode) string {
	if m == eval.ReviewPairs {
		return "left, right, both, neither or skip"
	}
	return "accept, fix, reject or skip"
}

func newReviewExportCmd(app *cli.App, o *reviewOptions) *cobra.Command {
	var output, format string
	c := &cobra.Command{
		Use: "export [review]", Short: "Write a review's sample to a file, blind",
		Long: `Write the items of a review, the newest without a name, one a row: the task, the
reference, the answer (or the left and the right one), and empty columns for label,
reasons, note, edit (the answer as it should be) and fix_seconds. What the reviewer
has said already is filled in. Only the store is read.`,
		Example: "  $ infer review export -o review.csv\n  $ infer review export -o review.jsonl --format jsonl",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if format == "" {
				if format = "csv"; strings.HasSuffix(output, ".jsonl") {
					format = "jsonl"
				}
			}
			if format != "csv" && format != "jsonl" {
				return eval.Invalid(fmt.Errorf("unknown format %q", format), "it may be csv or jsonl")
			}
			src, done, err := o.open(c.Context(), args, false)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			if err := toOutput(app, output, func(w io.Writer, _ bool) error { return src.write(c.Context(), w, format) }); err != nil {
				return err
			}
			next(app, "fill in the column label (%s), then `infer review import FILE`", labelNames(src.review.Mode))
			return nil
		},
	}
	outputFlag(c, &output, "write to this file")
	c.Flags().StringVar(&format, "format", "", "csv or jsonl (default by the file's name)")
	return c
}

// open opens the store and the review that args name; done closes it.
func (o *reviewOptions) open(ctx context.Context, args []string, write bool) (*reviewSource, func() error, error) {
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
	if err != nil {
		return nil, nil, err
	}
	s, err := openStore(ctx, o.app, cfg.StorePath, write)
	if err != nil {
		return nil, nil, err
	}
	ref := ""
	if len(args) > 0 {
		ref = args[0]
	}
	review, err := s.Review(ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		err = eval.Invalid(errors.New("no such review"), "`infer review RUN` makes one")
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	run, err := s.Run(ctx, review.Run)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	src, err := newReviewSource(ctx, s, run, review, o.who(), cfg)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return src, s.Close, nil
}

// row is one item as a file holds it.
func (r *reviewSource) row(ctx context.Context, item int) (*reviewRow, error) {
	card, err := r.Card(ctx, item)
	if err != nil {
		return nil, err
	}
	row := &reviewRow{Review: r.review.ID, Item: item, TaskType: card.TaskType, Task: card.Task, Reference: card.Reference, Reasons: []string{}}
	if row.Answer = &card.Left; card.Right != nil {
		row.Answer, row.Left, row.Right = nil, &card.Left, card.Right
	}
	if l, ok := r.said[item]; ok {
		for name, kind := range fileLabels[r.review.Mode] {
			if kind == card.Said.Kind {
				row.Label = name
			}
		}
		row.Note, row.Edit, row.Reviewer = l.Note, l.Edit, l.Reviewer
		row.Reasons = append(row.Reasons, l.Reasons...)
		if l.FixTime != nil {
			sec := l.FixTime.Seconds()
			row.FixSeconds = &sec
		}
	}
	return row, nil
}

// reviewHead are the columns of a CSV file.
func reviewHead(m eval.ReviewMode) []string {
	answers := []string{"answer"}
	if m == eval.ReviewPairs {
		answers = []string{"left", "right"}
	}
	return append(append([]string{"review", "item", "task_type", "task", "reference"}, answers...), "label", "reasons", "note", "edit", "fix_seconds")
}

func (r *reviewSource) write(ctx context.Context, w io.Writer, format string) error {
	out := csv.NewWriter(w)
	if format == "csv" {
		if err := out.Write(reviewHead(r.review.Mode)); err != nil {
			return err
		}
	}
	for i := range r.items {
		row, err := r.row(ctx, i)
		if err != nil {
			return err
		}
		if format == "jsonl" {
			b, err := json.Marshal(row)
			if err != nil {
				return err
			}
			if _, err := w.Write(append(eval.EscapeJSON(b), '\n')); err != nil {
				return err
			}
			continue
		}
		cells := []string{row.Review, strconv.Itoa(row.Item), cell(eval.Untrusted(row.TaskType)), cell(row.Task), cell(row.Reference)}
		for _, a := range []*eval.Untrusted{row.Answer, row.Left, row.Right} {
			if a != nil {
				cells = append(cells, cell(*a))
			}
		}
		edit, fix := "", ""
		if row.Edit != nil {
			edit = cell(*row.Edit)
		}
		if row.FixSeconds != nil {
			fix = strconv.FormatFloat(*row.FixSeconds, 'f', -1, 64)
		}
		if err := out.Write(append(cells, row.Label, cell(eval.Untrusted(strings.Join(row.Reasons, "; "))), cell(row.Note), edit, fix)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cell is a text as a CSV cell: harmless on a terminal, its lines kept, and with
// an apostrophe before what a spreadsheet would take for a formula.
func cell(u eval.Untrusted) string {
	s := u.Block(0)
	if s != "" && strings.ContainsRune("=+-@\t\r'", rune(s[0])) {
		return "'" + s
	}
	return s
}

// uncell is what cell was given.
func uncell(s string) string {
	if len(s) > 1 && s[0] == '\'' && strings.ContainsRune("=+-@\t\r'", rune(s[1])) {
		return s[1:]
	}
	return s
}
