package render

import (
	"fmt"
	"strconv"

	"infer/report"
)

// unknown stands where a figure is not known. It is never a number.
const unknown = report.Unknown

// tasks says how many tasks the plan has, and of how many if it has not all.
func tasks(r *report.Run) string {
	if r.Tasks > 0 && r.Tasks < r.Dataset.Tasks {
		return fmt.Sprintf("%d of %s", r.Tasks, plural(r.Dataset.Tasks, "task"))
	}
	return plural(r.Dataset.Tasks, "task")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func count(n int64) string { return strconv.FormatInt(n, 10) }
