package render

import (
	"fmt"
	"io"
	"iter"
	"sort"
	"strings"

	"infer/eval"
	"infer/report"
)

// GitHub's limits: ten annotations of a kind a step, and a step summary of at
// most 1 MiB, beyond which the whole of it is dropped.
const (
	maxAnnotations = 9
	maxSummary     = 900 << 10
)

// Annotations writes the worst trials as GitHub workflow commands at the dataset
// line of their task: tasks that the most candidates failed first, and a last one
// that says how many more there are. Nothing from outside begins a line.
func Annotations(w io.Writer, r *report.Report, cases iter.Seq2[Case, error]) error {
	byTask := make(map[string][]Case)
	var order []string
	for c, err := range cases {
		if err != nil {
			return err
		}
		if !c.bad() {
			continue
		}
		if byTask[c.TaskID] == nil {
			order = append(order, c.TaskID)
		}
		byTask[c.TaskID] = append(byTask[c.TaskID], c)
	}
	sort.SliceStable(order, func(i, j int) bool { return len(byTask[order[i]]) > len(byTask[order[j]]) })
	var b strings.Builder
	for i, id := range order {
		if i == maxAnnotations {
			fmt.Fprintf(&b, "::warning title=infer::%d more tasks were failed by a candidate; the step summary and `infer report` have them\n", len(order)-maxAnnotations)
			break
		}
		list := byTask[id]
		names := make([]string, len(list))
		for k := range list {
			names[k] = list[k].title()
		}
		c := &list[0]
		fmt.Fprintf(&b, "::warning file=%s,line=%d,title=%s::%s\n", property(c.File), max(c.Line, 1), property(fmt.Sprintf("%d candidates failed %s", len(list), c.TaskID)),
			message(strings.Join(names, "; ")+" — "+c.Why.Line(maxCaseWhy)))
	}
	if r.Verdict.State != report.StateComplete {
		fmt.Fprintf(&b, "::error title=infer::%s\n", message(strings.Join(r.Verdict.Reason, "; ")))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// message escapes the text of a workflow command; it is on one line already.
func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(eval.Untrusted(s).Line(2000))
}

// property escapes a property of a workflow command.
func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(s))
}

// Summary writes a step summary: the Markdown report, cut at a line so that it
// stays below GitHub's limit.
func Summary(w io.Writer, r *report.Report) error {
	var b strings.Builder
	if err := markdown(&b, r); err != nil {
		return err
	}
	s := b.String()
	if len(s) > maxSummary {
		s = s[:strings.LastIndexByte(s[:maxSummary], '\n')+1] + "\n> cut: the report is larger than a step summary may be\n"
	}
	_, err := io.WriteString(w, s)
	return err
}
