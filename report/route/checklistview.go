package route

import (
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"infer/eval"
)

//go:embed checklist.css
var checklistStyle string

//go:embed checklist.tmpl
var checklistPage string

// HTML writes the checklist as one page that fetches nothing: a strict content
// security policy, no script, every text escaped.
func (c *Checklist) HTML(w io.Writer) error {
	t, err := template.New("checklist").Funcs(template.FuncMap{"safe": func(s string) string { return eval.Untrusted(s).Line(0) }}).Parse(checklistPage)
	if err != nil {
		return fmt.Errorf("parse the page: %w", err)
	}
	sum := sha256.Sum256([]byte(checklistStyle))
	return t.Execute(w, struct {
		List      *Checklist
		Style     template.CSS
		Integrity template.HTMLAttr
	}{c, template.CSS(checklistStyle), template.HTMLAttr("sha256-" + base64.StdEncoding.EncodeToString(sum[:]))}) //nolint:gosec // both are ours
}

// Markdown writes the checklist as GitHub-flavoured Markdown; escape makes a text
// inert in it.
func (c *Checklist) Markdown(w io.Writer, escape func(string) string) error {
	var b strings.Builder
	marks := map[State]string{Answered: "x", Weak: " ", Open: " "}
	fmt.Fprintf(&b, "### Before the launch · %s\n\n%s\n", escape(c.Name), escape(c.Standing()))
	for i := range c.Questions {
		q := &c.Questions[i]
		fmt.Fprintf(&b, "\n- [%s] **%d. %s** (%s): %s\n", marks[q.State], q.Number, q.Title, q.State, q.Asks)
		for _, a := range q.Answer {
			fmt.Fprintf(&b, "  - %s\n", escape(a))
		}
		for _, m := range q.Missing {
			fmt.Fprintf(&b, "  - missing: %s\n", escape(m))
		}
		if q.Command != "" {
			fmt.Fprintf(&b, "  - next: %s\n", escape(q.Command))
		}
	}
	b.WriteString("\n#### In operation\n")
	for _, o := range c.Operations {
		fmt.Fprintf(&b, "\n**%s**\n\n", o.Asks)
		for _, a := range o.Answer {
			fmt.Fprintf(&b, "- %s\n", escape(a))
		}
	}
	for _, x := range c.Warnings {
		fmt.Fprintf(&b, "\n> ⚠ %s\n", escape(x))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Standing sums the checklist up in a sentence.
func (c *Checklist) Standing() string {
	return fmt.Sprintf("run %s, dataset %s, %d tasks: %d of %d questions answered, %d weakly, %d open", c.Run, c.Dataset, c.Tasks, c.Answered, len(c.Questions), c.Weak, c.Open)
}

// textLines is how many lines of a list a terminal shows.
const textLines = 6

// Text writes the checklist for a terminal. Long lists are cut; the other formats
// have all of them.
func (c *Checklist) Text(w io.Writer) error {
	var b strings.Builder
	list := func(lines []string, before string) {
		for i, l := range lines {
			if i == textLines && len(lines) > textLines+1 {
				fmt.Fprintf(&b, "     %s… and %d more\n", before, len(lines)-i)
				return
			}
			fmt.Fprintf(&b, "     %s%s\n", before, eval.Untrusted(l).Line(0))
		}
	}
	fmt.Fprintf(&b, "%s\n", eval.Untrusted(c.Standing()).Line(0))
	for i := range c.Questions {
		q := &c.Questions[i]
		fmt.Fprintf(&b, "\n%2d. %-19s %s\n", q.Number, q.Title, q.State)
		list(q.Answer, "")
		list(q.Missing, "missing: ")
		if q.Command != "" {
			fmt.Fprintf(&b, "     next: %s\n", eval.Untrusted(q.Command).Line(0))
		}
	}
	for _, o := range c.Operations {
		fmt.Fprintf(&b, "\n%s\n", o.Asks)
		list(o.Answer, "")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
