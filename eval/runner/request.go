package runner

import (
	"strings"

	"infer/eval"
)

// BuildRequest returns what candidate c is asked for task t: the candidate's
// examples of the task's type as earlier turns, the task's messages with the
// candidate's template on the last user text, the task's system prompt or else
// the candidate's, and the task's parameters with the candidate's on top.
func BuildRequest(t *eval.Task, c *eval.Candidate) eval.Request {
	req := eval.Request{
		Model: c.Model, System: t.System, Tools: t.Tools, ResponseFormat: t.ResponseFormat,
		Params: t.Params.Merge(c.Params), Stream: c.Stream, Limits: c.Limits,
		TaskID: t.ID, TaskType: t.Type, Expected: t.Expected,
	}
	if req.System == "" {
		req.System = c.Prompt.System
	}
	if len(c.Prompt.Examples) == 0 && c.Prompt.Template == "" {
		req.Messages = t.Messages
		return req
	}
	for _, e := range c.Prompt.Examples {
		if e.TaskType == t.Type {
			req.Messages = append(req.Messages, eval.TextMessage("user", fill(c.Prompt.Template, e.Input)), eval.TextMessage("assistant", e.Output))
		}
	}
	req.Messages = append(req.Messages, t.Messages...)
	if last := len(req.Messages) - 1; c.Prompt.Template != "" && last >= 0 && req.Messages[last].Role == "user" {
		m := req.Messages[last]
		m.Parts = append([]eval.Part(nil), m.Parts...)
		for i := range m.Parts {
			if m.Parts[i].Type == eval.PartText {
				m.Parts[i].Text = fill(c.Prompt.Template, m.Parts[i].Text)
			}
		}
		req.Messages[last] = m
	}
	return req
}

func fill(template, input string) string {
	if template == "" {
		return input
	}
	return strings.ReplaceAll(template, "{{input}}", input)
}
