package cmd

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/datasets"
	"infer/eval"
	"infer/report/render"
)

func newDatasetsStatsCmd(app *cli.App) *cobra.Command {
	var out formatFlag
	c := &cobra.Command{
		Use: "stats <path>", Short: "Count tasks by type, input type and group",
		Long: `Read a whole dataset and count its tasks: by task type and input type, how many have
an expected value, graders of their own or a recorded outcome, and how many groups
they form. Lines that are not tasks are counted too, and are no error here.`,
		Example: "  $ infer datasets stats testdata/quickstart\n  $ infer datasets stats tasks.jsonl --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			info, err := scan(c.Context(), app, args[0])
			if err != nil {
				return err
			}
			return toOutput(app, "", func(w io.Writer, _ bool) error {
				if out.format == string(render.JSON) {
					return render.Indented(w, statsJSON(info))
				}
				rows := [][]string{{"tasks", strconv.Itoa(info.Tasks)}, {"digest", info.Digest.Short()}, {"groups", strconv.Itoa(info.Groups)},
					{"with expected", strconv.Itoa(info.WithExpected)}, {"with recorded outcome", strconv.Itoa(info.WithRecorded)},
					{"with graders of their own", strconv.Itoa(info.WithGraders)}, {"lines that are not tasks", strconv.Itoa(info.ProblemCount)}}
				for _, t := range info.InputTypes {
					rows = append(rows, []string{"input type " + t.Name, strconv.Itoa(t.N)})
				}
				for _, t := range info.Types {
					rows = append(rows, []string{"task type " + eval.Untrusted(t.Name).Line(60), strconv.Itoa(t.N)})
				}
				return render.Plain(w, []string{"what", "count"}, rows, map[int]bool{1: true})
			})
		},
	}
	out.add(c, app, []string{string(render.Table), string(render.JSON)})
	return c
}

// statsDoc is what `datasets stats --json` writes.
type statsDoc struct {
	Schema       string         `json:"schema"`
	Tasks        int            `json:"tasks"`
	Digest       eval.Digest    `json:"digest"`
	Groups       int            `json:"groups"`
	TaskTypes    map[string]int `json:"task_types"`
	InputTypes   map[string]int `json:"input_types"`
	WithExpected int            `json:"with_expected"`
	WithRecorded int            `json:"with_recorded"`
	WithGraders  int            `json:"with_graders"`
	ProblemCount int            `json:"problem_count"`
}

func statsJSON(info *datasets.Info) statsDoc {
	counts := func(list []datasets.Count) map[string]int {
		m := make(map[string]int, len(list))
		for _, c := range list {
			m[c.Name] = c.N
		}
		return m
	}
	return statsDoc{Schema: "infer.stats/1", Tasks: info.Tasks, Digest: info.Digest, Groups: info.Groups, TaskTypes: counts(info.Types), InputTypes: counts(info.InputTypes),
		WithExpected: info.WithExpected, WithRecorded: info.WithRecorded, WithGraders: info.WithGraders, ProblemCount: info.ProblemCount}
}
