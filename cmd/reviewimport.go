package cmd

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/eval"
)

func newReviewImportCmd(app *cli.App, o *reviewOptions) *cobra.Command {
	c := &cobra.Command{
		Use: "import <file>", Short: "Read labels that were filled in elsewhere",
		Long: `Read a file that infer review export wrote and somebody filled in, CSV or JSONL. A row
without a label is left alone, one of this reviewer's that is stored already is
replaced. Nothing is stored unless every row can be read.`,
		Example: "  $ infer review import review.csv --reviewer ana\n  $ infer review import review.jsonl",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return runReviewImport(c.Context(), app, o, args[0]) },
	}
	return c
}

// maxReviewFile bounds what is read of a filled-in file.
const maxReviewFile = 256 << 20

func runReviewImport(ctx context.Context, app *cli.App, o *reviewOptions, path string) (err error) {
	full := path
	if !filepath.IsAbs(path) {
		full = filepath.Join(app.Dir, path)
	}
	f, err := os.Open(full)
	if err != nil {
		return eval.Invalid(fmt.Errorf("read labels: %w", err), "name the file that was filled in")
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	rows, lines, err := readReviewFile(io.LimitReader(f, maxReviewFile))
	if err != nil {
		return eval.Invalid(fmt.Errorf("%s:%w", path, err), "`infer review export` writes the form that is read")
	}
	if len(rows) == 0 {
		return eval.Invalid(fmt.Errorf("%s holds no row", path), "`infer review export` writes the form that is read")
	}
	src, done, err := o.open(ctx, []string{rows[0].Review}, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	var labels []eval.Label
	for i := range rows {
		l, err := src.label(&rows[i], o)
		if err != nil {
			return eval.Invalid(fmt.Errorf("%s:%d: %w", path, lines[i], err), "a label may be "+labelNames(src.review.Mode)+"; nothing was stored")
		}
		if l != nil {
			labels = append(labels, *l)
		}
	}
	for i := range labels {
		if err := src.s.AddLabel(ctx, src.run, src.review, &labels[i]); err != nil {
			return err
		}
	}
	if err := src.s.Reroll(ctx, src.run.ID); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(app.Out, "review %s: %d labels read, %d rows without one\n", src.review.ID, len(labels), len(rows)-len(labels)); err != nil {
		return err
	}
	next(app, "`infer review results %s` compares people with graders", src.review.ID)
	return nil
}

// label checks one row; nil = nobody judged it.
func (r *reviewSource) label(row *reviewRow, o *reviewOptions) (*eval.Label, error) {
	name := strings.ToLower(strings.TrimSpace(row.Label))
	kind, ok := fileLabels[r.review.Mode][name]
	switch {
	case row.Review != r.review.ID:
		return nil, fmt.Errorf("it is of review %s, the first row of %s", eval.Untrusted(row.Review).Line(40), r.review.ID)
	case row.Item < 0 || row.Item >= len(r.items):
		return nil, fmt.Errorf("review %s has no item %d", r.review.ID, row.Item)
	case name == "":
		return nil, nil
	case !ok:
		return nil, fmt.Errorf("%q is no label", eval.Untrusted(row.Label).Line(40))
	case row.FixSeconds != nil && (*row.FixSeconds < 0 || *row.FixSeconds > 1e6 || kind != eval.LabelFix):
		return nil, errors.New("fix_seconds belongs to a fix and is a time")
	}
	l := &eval.Label{Item: row.Item, Reviewer: row.Reviewer, Kind: sided(kind, r.items[row.Item].Swapped), Reasons: row.Reasons, Note: row.Note}
	if o.reviewer != "" || l.Reviewer == "" {
		l.Reviewer = o.who()
	}
	if kind == eval.LabelFix {
		if row.Edit != nil && *row.Edit != "" {
			l.Edit = row.Edit
		}
		if row.FixSeconds != nil {
			d := time.Duration(*row.FixSeconds * float64(time.Second))
			l.FixTime = &d
		}
	}
	return l, nil
}

// readReviewFile reads rows of CSV or JSONL, with the line of each. An error
// begins with its line.
func readReviewFile(r io.Reader) ([]reviewRow, []int, error) {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(3); string(head) == "\xef\xbb\xbf" {
		_, _ = b.Discard(3)
	}
	first, err := b.Peek(1)
	if err != nil {
		return nil, nil, nil //nolint:nilerr // an empty file holds no row
	}
	if first[0] == '{' {
		return readReviewJSONL(b)
	}
	return readReviewCSV(b)
}

func readReviewJSONL(b *bufio.Reader) (rows []reviewRow, lines []int, err error) {
	sc := bufio.NewScanner(b)
	sc.Buffer(nil, 64<<20)
	for line := 1; sc.Scan(); line++ {
		if strings.TrimSpace(sc.Text()) == "" {
			continue
		}
		row := reviewRow{Item: -1}
		if err := json.Unmarshal(sc.Bytes(), &row); err != nil {
			return nil, nil, fmt.Errorf("%d: not a row of a review", line)
		}
		rows, lines = append(rows, row), append(lines, line)
	}
	if err := sc.Err(); err != nil {
		return nil, nil, fmt.Errorf("%d: %w", len(lines)+1, err)
	}
	return rows, lines, nil
}

func readReviewCSV(b *bufio.Reader) (rows []reviewRow, lines []int, err error) {
	r := csv.NewReader(b)
	head, err := r.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("1: %w", err)
	}
	at := make(map[string]int, len(head))
	for i, h := range head {
		at[strings.TrimSpace(h)] = i
	}
	for _, need := range []string{"review", "item", "label"} {
		if _, ok := at[need]; !ok {
			return nil, nil, fmt.Errorf("1: there is no column %s", need)
		}
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, lines, nil
		}
		var wrong *csv.ParseError
		if errors.As(err, &wrong) {
			return nil, nil, fmt.Errorf("%d: %w", wrong.Line, wrong.Err)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%d: %w", len(lines)+2, err)
		}
		line, _ := r.FieldPos(0)
		get := func(name string) string {
			if i, ok := at[name]; ok && i < len(cells) {
				return uncell(cells[i])
			}
			return ""
		}
		row := reviewRow{Review: get("review"), Label: get("label"), Note: eval.Untrusted(get("note")), Reviewer: get("reviewer")}
		if row.Item, err = strconv.Atoi(strings.TrimSpace(get("item"))); err != nil {
			return nil, nil, fmt.Errorf("%d: item is not a number", line)
		}
		for _, reason := range strings.Split(get("reasons"), ";") {
			if reason = strings.TrimSpace(reason); reason != "" {
				row.Reasons = append(row.Reasons, reason)
			}
		}
		if edit := eval.Untrusted(get("edit")); edit != "" {
			row.Edit = &edit
		}
		if s := strings.TrimSpace(get("fix_seconds")); s != "" {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return nil, nil, fmt.Errorf("%d: fix_seconds is not a number", line)
			}
			row.FixSeconds = &v
		}
		rows, lines = append(rows, row), append(lines, line)
	}
}
