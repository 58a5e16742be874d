package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
)

// maxLogged is how many characters of a request or an answer a log holds.
const maxLogged = 8000

// logFlags adds the flags of the log to every command.
func logFlags(c *cobra.Command, app *cli.App) {
	f := c.PersistentFlags()
	f.StringVar(&app.LogTo.Level, "log-level", "", "write a log to standard error from this level on: debug (every call), info, warn, error")
	f.StringVar(&app.LogTo.Format, "log-format", "text", "form of the log: text or json")
	f.BoolVar(&app.LogTo.Debug, "debug", false, "log requests and answers too, without keys")
	_ = c.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions(cli.LogLevels(), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("log-format", cobra.FixedCompletions(cli.LogFormats(), cobra.ShellCompDirectiveNoFileComp))
}

// logTrial logs a trial that is in the store, and each of its calls.
func (p *plan) logTrial(t *eval.Trial) {
	log := p.app.Log()
	if log == nil || t.Candidate >= len(p.run.Candidates) {
		return
	}
	log = log.With("run", p.run.ID, "task", t.TaskID, "candidate", p.run.Candidates[t.Candidate].Name, "repeat", t.Repeat)
	own := t.Own()
	for i := range own {
		logCall(log, &own[i])
	}
	if t.Verdict == eval.Errored {
		log.Warn("trial ended in an error", "class", string(t.ErrorClass()), "by", t.ErrorClass().Fault())
		return
	}
	log.Debug("trial", "verdict", string(t.Verdict), "retries", t.Retries(), "cost", costOfLog(t.Cost.Final()))
}

// logCall logs one call.
func logCall(log *slog.Logger, a *eval.Attempt) {
	args := []any{"number", a.Seq, "kind", string(a.Cause), "provider", a.Provider, "model", a.Model, "status", a.Status, "request_id", a.RequestID,
		"in_flight", a.InFlight, "queue", a.QueueWait, "backoff", a.Backoff, "billing", string(a.Billing), "cost", costOfLog(a.Cost)}
	if a.Served != "" && a.Served != a.Model {
		args = append(args, "served", a.Served)
	}
	if a.Batch != "" {
		args = append(args, "batch", a.Batch)
	}
	if a.Reason != "" {
		args = append(args, "reason", a.Reason)
	}
	if f := a.Failure; f != nil {
		log.Info("call failed", append(args, "class", string(f.Class), "message", f.Message.Line(300))...)
		return
	}
	log.Debug("call", args...)
}

// costOfLog is a cost as a log has it.
func costOfLog(c eval.Cost) string {
	switch {
	case c.Known():
		return "$" + c.Low.String()
	case c.Unbounded:
		return "≥$" + c.Low.String()
	}
	return fmt.Sprintf("$%s–%s", c.Low, c.High)
}

// logThrottle logs a change of what a provider may be sent.
func logThrottle(app *cli.App, t eval.Throttle) {
	log := app.Log()
	if log == nil {
		return
	}
	args := []any{"provider", t.Provider, "cause", string(t.Cause), "calls", t.Calls, "wait", t.Wait}
	if t.PerMinute != nil {
		args = append(args, "per_minute", *t.PerMinute)
	}
	log.Info("limits", args...)
}

// loggedCaller logs what is asked and answered, without the keys of its provider
// and whatever else looks like one.
type loggedCaller struct {
	runner.Caller
	log  *slog.Logger
	keys *providers.Redactor
}

// Call makes the call and logs both ends of it.
func (c *loggedCaller) Call(ctx context.Context, req *eval.Request) eval.Response {
	body, err := json.Marshal(map[string]any{"model": req.Model, "system": req.System, "messages": req.Messages, "tools": req.Tools, "response_format": req.ResponseFormat,
		"params": req.Params, "stream": req.Stream})
	if err != nil {
		body = []byte(err.Error())
	}
	c.log.Debug("request", "task", req.TaskID, "body", eval.Untrusted(c.keys.Bytes(body)).Line(maxLogged))
	r := c.Caller.Call(ctx, req)
	c.log.Debug("answer", "task", req.TaskID, "status", r.Status, "text", eval.Untrusted(c.keys.String(r.Text.Raw())).Line(maxLogged))
	return r
}
