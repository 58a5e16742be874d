package cmd

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/eval"
	"infer/report"
	"infer/report/render"
)

func newReviewResultsCmd(app *cli.App, o *reviewOptions) *cobra.Command {
	var out formatFlag
	c := &cobra.Command{
		Use: "results [review]", Short: "Compare what people say with what graders say",
		Long: `Show what people said of a sample beside what the graders say of it: the confusion of
the two, the graders' signed bias, agreement raw and beyond chance (κ and AC1), the
agreement of reviewers with each other, and, from 100 labels with 10 rejections on, the
acceptance by people over all answers (PPI++): the sample corrects the graders, and the
graders sharpen the sample. Of pairs: who was preferred. Only the store is read.`,
		Example: "  $ infer review results\n  $ infer review results --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			src, done, err := o.open(c.Context(), args, false)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, done()) }()
			labels, err := src.s.Labels(c.Context(), src.review.ID)
			if err != nil {
				return err
			}
			var answers []eval.Answer
			for a, err := range src.s.Answers(c.Context(), src.run.ID) {
				if err != nil {
					return err
				}
				answers = append(answers, a)
			}
			r := report.BuildReview(src.run, src.review, src.items, labels, answers)
			return toOutput(app, "", func(w io.Writer, _ bool) error {
				if out.format == string(render.JSON) {
					return render.Indented(w, r)
				}
				return render.Review(w, r)
			})
		},
	}
	out.add(c, app, render.ReviewFormats())
	return c
}
