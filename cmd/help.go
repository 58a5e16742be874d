package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"infer/scoring"
)

// helpTopics are `infer help TOPIC` pages that belong to no command.
func helpTopics() []*cobra.Command {
	topic := func(name, short, long string) *cobra.Command {
		return &cobra.Command{Use: name, Short: short, Long: long}
	}
	return []*cobra.Command{
		topic("exit-codes", "What the exit codes mean", `0    ok
1    operational failure: a file, the network or the store
2    usage, configuration or dataset invalid; nothing was sent
3    incomplete: stopped early, or the evidence does not suffice
4    credentials: a key is missing, refused or out of credit
5    the store is in use or newer than this program
100  a gate failed (--fail-exit-code sets another number)
130  interrupted

An evaluation of no tasks never ends with 0.`),
		topic("environment", "Environment variables that infer reads", `INFER_CONFIG       configuration file
INFER_STORE        SQLite file of attempts
INFER_CONCURRENCY  calls in flight at most
INFER_REPEATS      how often each candidate tries each task
INFER_NO_COLOR, NO_COLOR, CLICOLOR, CLICOLOR_FORCE, FORCE_COLOR, TERM   colour
COLUMNS            width of tables
HTTPS_PROXY, HTTP_PROXY, NO_PROXY   proxies for calls

Keys are read from the variable that a provider names with api_key_env, or from
the one its preset or type is known for: OPENAI_API_KEY, ANTHROPIC_API_KEY,
GEMINI_API_KEY (or GOOGLE_API_KEY), AZURE_OPENAI_API_KEY, OPENROUTER_API_KEY,
GROQ_API_KEY, DEEPSEEK_API_KEY, MISTRAL_API_KEY, XAI_API_KEY, TOGETHER_API_KEY, …
OPENAI_BASE_URL and ANTHROPIC_BASE_URL move those two, from the real environment
only and not from a .env file.

Flags go before the environment, the environment before infer.yaml.`),
		topic("formats", "Output formats of reports", `table        for a terminal: as wide as it is, 120 columns elsewhere, or COLUMNS
md           Markdown for a pull request; everything from outside is escaped
csv          one line a candidate and task type, exact figures, unknown as empty;
             cells that a spreadsheet would run begin with an apostrophe
json         infer.report/1: everything, null for unknown; fields are only ever added
jsonl        infer.record/1: one line a trial, the ten record fields with their origins
html         one page without a network, with plots; -o FILE
junit        for Jenkins and GitLab: a suite a candidate and task type, a case a trial
github       annotations at the dataset's lines on standard output, and the step
             summary into the file that GITHUB_STEP_SUMMARY names
gitlab       code quality report
openmetrics  figures for GitLab's metrics report

-o FILE writes a file that appears only when it is whole; - is standard output.
Colour: --color, then NO_COLOR, CLICOLOR_FORCE, FORCE_COLOR, TERM and CLICOLOR.`),
		topic("providers", "How models are reached: wires, keys, your own application", providersHelp),
		topic("statistics", "How figures and intervals are computed", statisticsHelp),
		topic("grading", "Graders and how they compose", gradingHelp()),
	}
}

// statisticsHelp says what stands behind the figures.
const statisticsHelp = `rate           accepted ÷ judged trials. Repeats of a task, and tasks of a group, are
               not independent: intervals use effective counts (ultimate-cluster
               standard errors; Korn & Graubard 1998, Miller 2024).
95% interval   Wilson's score interval on those counts. Gates do not use it: a gate is
               one-sided, so it uses the Clopper-Pearson lower bound.
cost/accepted  sum of all costs ÷ accepted tasks, a ratio of sums. Interval: t on the
               logarithm of the linearised ratio; Fieller's where the denominator is
               uncertain; open above where it is not separated from 0. With nothing
               accepted only a lower bound is known.
p50, p95       order statistics of rank ⌈q·n⌉, exact up to 100,000 values, within 0.39 %
               beyond. A limit on p95 is decided by counting exceedances, not by
               comparing quantiles.
differences    two candidates are compared on the same tasks: Tango's score interval,
               McNemar's mid-p, Holm's correction. "No difference" is never claimed:
               it is better, within the margin, or undecided - about N more tasks.

Fewer than 10 independent tasks are shown as counts and rely on nothing.`

// gradingHelp describes the graders from their own definitions.
func gradingHelp() string {
	var b strings.Builder
	b.WriteString(`A task is graded by its own graders, else by those of its task type in
infer.yaml, else by the type of its expected value: a text exactly after trimming,
a number as a number, true and false as labels, anything else as JSON. Without an
expected value it stays unscored.

A grader that cannot judge leaves the answer unscored; it never passes or fails it.

Graders compose:  [a, b] and {all: [a, b]}  every one must pass
                  {any: [a, b]}             one is enough
                  {not: a}                  must not pass
                  {weights: [{weight: 2, grader: a}, {weight: 1, grader: b}], threshold: 0.6}

Graders:
`)
	for _, g := range scoring.Graders() {
		fmt.Fprintf(&b, "\n  %s\n      %s\n", g.Name, g.Summary)
		for _, o := range g.Options {
			required := ""
			if o.Required {
				required = ", required"
			}
			fmt.Fprintf(&b, "      %-20s %s (%s%s)\n", o.Name, o.Doc, o.Type, required)
		}
	}
	return b.String()
}
