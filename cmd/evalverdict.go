package cmd

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"infer/cmd/internal/cli"
	"infer/eval"
	"infer/eval/runner"
	"infer/report"
)

// verdict turns how the run ended into an exit code, and names what to do next.
func (p *plan) verdict(r *report.Report, res runner.Result) error {
	if err := p.halted(res.Halted); err != nil {
		return err
	}
	if res.Stopped == "interrupted" {
		p.say("Stopped. The same command continues where it stopped.")
		return &cli.CodedError{Code: cli.ExitInterrupted, Err: cli.ErrSilent}
	}
	if p.run.State != eval.RunComplete {
		return p.incomplete(r, res.Stopped)
	}
	if err := p.hopeless(r); err != nil {
		return err
	}
	var judged, errored int64
	for i := range r.Cells {
		if c := &r.Cells[i]; c.TaskType == report.Overall {
			judged += c.N - c.Unscored - c.Errored
			errored += c.Errored
		}
	}
	switch {
	case judged == 0:
		p.say("No task has an expected value or a grader, so nothing was scored. The answers are stored.")
		next(p.app, "`infer score %s --config infer.yaml` grades them by the graders of a configuration, without a call", r.Run.ID)
	case errored > 0:
		next(p.app, "`%s --retry errors` tries again what ended in an error", p.command())
	default:
		next(p.app, "`infer report %s%s --format html -o report.html` for a page to share, `--format md` for a pull request", r.Run.ID, p.storeArg())
	}
	return nil
}

// halted names the first of the providers that were given up.
func (p *plan) halted(providers map[string]*eval.Failure) error {
	names := make([]string, 0, len(providers))
	for name := range providers {
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil
	}
	sort.Strings(names)
	f := providers[names[0]]
	err := fmt.Errorf("provider %s was given up: %w", names[0], f)
	if len(names) > 1 {
		err = fmt.Errorf("providers %s were given up, %s: %w", strings.Join(names, ", "), names[0], f)
	}
	if f.Class != eval.ClassAuthBilling {
		return eval.WithHint(eval.KindIncomplete, err, "when it works again, run the same command: it continues")
	}
	return eval.WithHint(eval.KindCredentials, err, "mend its key or account, then run the same command again: it continues")
}

// incomplete says why trials have no outcome.
func (p *plan) incomplete(r *report.Report, stopped string) error {
	if stopped != "" {
		hint := "the same command with a higher limit continues it"
		switch {
		case strings.HasPrefix(stopped, "deadline"):
			hint = "the same command continues it"
		case strings.Contains(stopped, "was dropped"):
			hint = "the same command continues it; -m runs what it names alone"
		}
		return eval.WithHint(eval.KindIncomplete, fmt.Errorf("run %s is incomplete: %s", r.Run.ID, stopped), hint)
	}
	hint := "run the same command again: it continues"
	for i, asked := range p.asked.asked(p.run) {
		if !asked {
			hint = fmt.Sprintf("name %s too, which the run holds as well: it continues", eval.Untrusted(p.run.Candidates[i].Name).Line(60))
		}
	}
	if p.asked.repeats < p.run.Repeats {
		hint = fmt.Sprintf("the run has %d repeats: --repeats %d makes them", p.run.Repeats, p.run.Repeats)
	}
	if s := p.asked.shard; s != nil && p.run.Shard == nil {
		hint = fmt.Sprintf("run the other parts too: --shard 1/%d … %d/%d", s.Of, s.Of, s.Of)
	}
	return eval.WithHint(eval.KindIncomplete, fmt.Errorf("run %s is incomplete: %s", r.Run.ID, strings.Join(r.Verdict.Reason, "; ")), hint)
}

// hopeless fails where every trial of a candidate ended in an error: nothing can
// be said of it, and no table of the others may hide that.
func (p *plan) hopeless(r *report.Report) error {
	var names []string
	var worst *report.Cell
	alive := false
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.TaskType != report.Overall || c.N == 0 {
			continue
		}
		if c.Errored < c.N {
			alive = true
			continue
		}
		names = append(names, eval.Untrusted(c.Candidate).Line(60))
		if worst == nil {
			worst = c
		}
	}
	if worst == nil {
		return nil
	}
	class, n := eval.ClassUnknown, int64(0)
	for _, k := range eval.Classes() {
		if worst.Errors[k] > n {
			class, n = k, worst.Errors[k]
		}
	}
	what := string(class)
	if m := worst.Samples[class]; m != "" {
		what += ": " + m.Line(300)
	}
	whose := " of " + strings.Join(names, ", ")
	if !alive {
		whose = ""
	}
	return eval.WithHint(eval.KindIncomplete, errors.New("every trial"+whose+" ended in an error: "+what), p.remedy(class, worst.Samples[class]))
}

// remedy is what a person can do about a class of errors.
func (p *plan) remedy(class eval.Class, said eval.Untrusted) string {
	again := ", then `" + p.command() + " --retry errors`"
	switch class {
	case eval.ClassParameter:
		if strings.HasPrefix(said.Raw(), "no recording") {
			return "call the providers and record them: `" + p.command() + " --live --record FILE --retry errors`"
		}
		return "mend the model's name or its parameters" + again
	case eval.ClassNetwork:
		return "check the address and that the server runs" + again
	case eval.ClassTimeout:
		return "raise the provider's timeouts or lower --concurrency" + again
	case eval.ClassRateLimit:
		return "lower --concurrency or the provider's limits.concurrency" + again
	case eval.ClassAuthBilling:
		return "mend the key or the account" + again
	case eval.ClassUnavailable:
		return "wait until the provider works again" + again
	}
	return "`infer runs show latest" + p.storeArg() + " --task ID` shows the attempts of a task"
}

// command is the command line that continues this run.
func (p *plan) command() string {
	words := []string{"infer eval"}
	if p.o.target != "" {
		words = append(words, shellWord(p.o.target))
	}
	for _, m := range p.o.flags.Models {
		words = append(words, "-m "+shellWord(m))
	}
	if p.o.flags.Config != "" {
		words = append(words, "--config "+shellWord(p.o.flags.Config))
	}
	if p.o.limit > 0 {
		words = append(words, fmt.Sprint("--limit ", p.o.limit))
	}
	return strings.Join(words, " ") + p.storeArg()
}

// storeArg names the store again where a flag named it.
func (p *plan) storeArg() string {
	if p.o.flags.Store == "" {
		return ""
	}
	return " --store " + shellWord(p.o.flags.Store)
}

// shellWord writes a word as a shell reads it.
func shellWord(s string) string {
	s = eval.Untrusted(s).Line(0)
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@,+") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
