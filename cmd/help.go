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
the one its preset is known for: OPENAI_API_KEY, OPENROUTER_API_KEY, GROQ_API_KEY,
DEEPSEEK_API_KEY, MISTRAL_API_KEY, XAI_API_KEY, TOGETHER_API_KEY, …
OPENAI_BASE_URL sets the base URL of the preset openai.

Flags go before the environment, the environment before infer.yaml.`),
		topic("grading", "Graders and how they compose", gradingHelp()),
	}
}

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
