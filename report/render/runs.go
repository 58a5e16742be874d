package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"infer/eval"
	"infer/report"
)

// RunRow is one line of a list of runs.
type RunRow struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	State      eval.RunState `json:"state"`
	CreatedAt  time.Time     `json:"created_at"`
	UpdatedAt  time.Time     `json:"updated_at"`
	Tasks      int           `json:"tasks"`
	Candidates []string      `json:"candidates"`
	Planned    int           `json:"planned"`
	Trials     int64         `json:"trials"`
	Accepted   int64         `json:"accepted"`
	Cost       report.Money  `json:"cost_usd"`
}

// Runs writes a list of runs as a table.
func Runs(w io.Writer, rows []RunRow) error {
	head := []string{"run", "name", "state", "updated", "tasks", "trials", "accepted", "cost", "candidates"}
	cells := make([][]string, len(rows))
	for i := range rows {
		r := &rows[i]
		cells[i] = []string{r.ID, name(r.Name), string(r.State), r.UpdatedAt.UTC().Format("2006-01-02 15:04"), fmt.Sprint(r.Tasks),
			fmt.Sprintf("%d/%d", r.Trials, r.Planned), count(r.Accepted), report.CostRange(r.Cost), eval.Untrusted(strings.Join(r.Candidates, ", ")).Line(60)}
	}
	return Plain(w, head, cells, map[int]bool{4: true, 5: true, 6: true, 7: true})
}

// Plain writes a simple table; right says which columns are numbers.
func Plain(w io.Writer, head []string, rows [][]string, right map[int]bool) error {
	var b strings.Builder
	if err := plain(&b, head, rows, func(i int) bool { return right[i] }); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}
