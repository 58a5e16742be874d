package otlp

import (
	"strconv"
	"strings"

	"infer/eval"
)

// providerNames are the values of gen_ai.provider.name of services whose name here
// is another one.
var providerNames = map[string]string{"bedrock": "aws.bedrock", "azure": "azure.ai.openai", "gemini": "gcp.gemini", "google": "gcp.gemini",
	"vertex": "gcp.vertex_ai", "mistral": "mistral_ai", "xai": "x_ai", "moonshot": "moonshot_ai"}

// call is the span of one attempt.
func (e *exporter) call(t *eval.Trial, x *eval.Attempt, parent string, resends int) span {
	var a attributes
	model := eval.Untrusted(x.Model).Line(200)
	provider := eval.Untrusted(x.Provider).Line(200)
	if known, ok := providerNames[strings.ToLower(provider)]; ok {
		provider = known
	}
	a.text("gen_ai.operation.name", "chat")
	a.text("gen_ai.provider.name", provider)
	a.text("gen_ai.request.model", model)
	a.text("gen_ai.response.model", eval.Untrusted(x.Served).Line(200))
	e.asked(&a, e.called(t, x))
	a.list("gen_ai.response.finish_reasons", finish(x))
	e.usage(&a, x.Usage)
	if x.TTFT != nil && e.names == SemconvLatest {
		a.number("gen_ai.response.time_to_first_chunk", x.TTFT.Seconds())
	}
	if x.Status > 0 {
		a.count("http.response.status_code", int64(x.Status))
	}
	if resends > 0 {
		a.count("http.request.resend_count", int64(resends))
	}
	a.text("infer.attempt.kind", string(x.Cause))
	a.count("infer.attempt.number", int64(x.Seq))
	a.text("infer.candidate", eval.Untrusted(x.Candidate).Line(200))
	a.text("infer.request_id", eval.Untrusted(x.RequestID).Line(200))
	a.number("infer.queue_s", x.QueueWait.Seconds())
	a.number("infer.backoff_s", x.Backoff.Seconds())
	if x.TTFT != nil {
		a.number("infer.time_to_first_token_s", x.TTFT.Seconds())
	}
	a.text("infer.billing", string(x.Billing))
	a.text("infer.fallback.reason", eval.Untrusted(x.Reason).Line(300))
	a.flag("infer.recorded", x.Recorded)
	a.text("infer.batch", eval.Untrusted(x.Batch).Line(200))
	a.cost(x.Cost)
	s := span{TraceID: e.trace, SpanID: id(8, "attempt", parent, strconv.Itoa(x.Seq)), ParentID: parent, Name: "chat " + model, Kind: kindClient,
		Start: nanos(x.StartedAt), End: nanos(x.StartedAt.Add(x.InFlight))}
	if f := x.Failure; f != nil {
		a.text("error.type", errorType(f))
		a.text("infer.error.class", string(f.Class))
		s.Status = &status{Code: stateError, Message: eval.Untrusted(f.Message).Line(300)}
	}
	s.Attributes = a
	if x.Grade != nil {
		for i := range x.Grade.Scores {
			s.Events = append(s.Events, event{Time: s.End, Name: "gen_ai.evaluation.result", Attributes: evaluation(&x.Grade.Scores[i])})
		}
	}
	return s
}

// called is the candidate whose configuration a call had; of a policy, the member.
func (e *exporter) called(t *eval.Trial, x *eval.Attempt) *eval.Candidate {
	c := &e.run.Candidates[t.Candidate]
	if p := c.Policy; p != nil {
		for _, member := range []*eval.Candidate{p.DefaultCandidate, p.BackupCandidate, p.ContextCandidate} {
			if member != nil && member.Name == x.Candidate {
				return member
			}
		}
	}
	return c
}

// asked adds what the request asked for.
func (e *exporter) asked(a *attributes, c *eval.Candidate) {
	a.flag("gen_ai.request.stream", c.Stream)
	a.text("server.address", c.Host)
	if n, ok := c.Params.MaxTokens(); ok {
		a.count("gen_ai.request.max_tokens", n)
	}
	if n, ok := c.Params.Int("seed"); ok {
		a.count("gen_ai.request.seed", n)
	}
	for _, name := range []string{"temperature", "top_p", "frequency_penalty", "presence_penalty"} {
		if v, err := strconv.ParseFloat(string(c.Params[name]), 64); err == nil {
			a.number("gen_ai.request."+name, v)
		}
	}
}

// finish is the provider's own word, else ours.
func finish(x *eval.Attempt) string {
	if x.FinishRaw != "" {
		return eval.Untrusted(x.FinishRaw).Line(60)
	}
	return string(x.Finish)
}

// usage adds the tokens. Input counts cached tokens and output reasoning ones: the
// finer figures are parts of these.
func (e *exporter) usage(a *attributes, u *eval.Usage) {
	if u == nil || !u.Counted() {
		return
	}
	a.count("gen_ai.usage.input_tokens", u.Input())
	a.count("gen_ai.usage.output_tokens", u.Output())
	written := "gen_ai.usage.cache_creation.input_tokens"
	if e.names == SemconvLatest {
		written = "gen_ai.usage.cache_write.input_tokens"
	}
	for _, part := range []struct {
		key string
		n   int64
	}{{"gen_ai.usage.cache_read.input_tokens", u.InCacheRead}, {written, u.InCacheWrite5m + u.InCacheWrite1h},
		{"gen_ai.usage.reasoning.output_tokens", u.OutReasoning}} {
		if part.n > 0 {
			a.count(part.key, part.n)
		}
	}
}

// errorType is the status where there is one, else the class.
func errorType(f *eval.Failure) string {
	if f.Status > 0 {
		return strconv.Itoa(f.Status)
	}
	return string(f.Class)
}

// evaluation are the attributes of what one grader said.
func evaluation(s *eval.Score) attributes {
	var a attributes
	a.text("gen_ai.evaluation.name", eval.Untrusted(s.Grader).Line(100))
	label := "unscored"
	if s.Pass != nil {
		label = map[bool]string{true: "pass", false: "fail"}[*s.Pass]
	}
	a.text("gen_ai.evaluation.score.label", label)
	if s.Value != nil {
		a.number("gen_ai.evaluation.score.value", *s.Value)
	}
	a.text("gen_ai.evaluation.explanation", s.Explanation.Line(300))
	if s.Error != "" {
		a.text("error.type", s.Error.Line(200))
	}
	return a
}
