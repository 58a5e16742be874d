package bedrock

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// exchange is one call under way.
type exchange struct {
	c      *Client
	call   *httpx.Call
	stream bool
	header http.Header // of the answer; nil = none came
	r      eval.Response
}

type exchangeKey struct{}

// context carries the exchange down to the transport, below the SDK.
func (x *exchange) context() context.Context {
	return context.WithValue(x.call.Context(), exchangeKey{}, x)
}

// doer is the transport under the SDK. It notes status and headers, which the
// SDK hides, and bounds what is read.
type doer struct{ client *http.Client }

// Do makes one request. It sends a copy of the body: the SDK closes its own as
// soon as an answer begins, and where the transport has then not yet noticed that
// all of it was sent, it cuts the connection.
func (d doer) Do(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(b))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
	}
	res, err := d.client.Do(req)
	x, ours := req.Context().Value(exchangeKey{}).(*exchange)
	if err != nil || !ours {
		return res, err
	}
	x.header, x.r.Status = res.Header, res.StatusCode
	read := x.call.Body
	if x.stream && res.StatusCode == http.StatusOK {
		read = x.call.StreamBody
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{read(res.Body), res.Body}
	return res, nil
}

// converse asks for a whole answer.
func (x *exchange) converse(in *bedrockruntime.ConverseInput) {
	out, err := x.c.api.Converse(x.context(), in)
	if err != nil {
		x.fail(err, x.phase())
		return
	}
	x.call.Done()
	var a assembly
	if m, ok := out.Output.(*types.ConverseOutputMemberMessage); ok {
		for i, b := range m.Value.Content {
			a.whole(i, b)
		}
	}
	a.stop, a.usage, a.tier = string(out.StopReason), out.Usage, tierOf(out.ServiceTier)
	if out.Metrics != nil {
		a.latency = out.Metrics.LatencyMs
	}
	a.into(&x.r)
	if out.Output == nil && a.stop == "" {
		x.fail(providers.ErrMalformed, eval.PhaseResponse)
		return
	}
	providers.Judge(&x.r)
}

// converseStream asks for a streamed answer. A stream that ends before its stop
// event is a failure, whatever came of it.
func (x *exchange) converseStream(in *bedrockruntime.ConverseInput) {
	out, err := x.c.api.ConverseStream(x.context(), &bedrockruntime.ConverseStreamInput{ModelId: in.ModelId, Messages: in.Messages, System: in.System,
		InferenceConfig: in.InferenceConfig, ToolConfig: in.ToolConfig, OutputConfig: in.OutputConfig, ServiceTier: in.ServiceTier,
		GuardrailConfig: streamGuardrail(in.GuardrailConfig), AdditionalModelRequestFields: in.AdditionalModelRequestFields})
	if err != nil {
		x.fail(err, x.phase())
		return
	}
	stream := out.GetStream()
	defer stream.Close() //nolint:errcheck // what matters of its end is in Err
	var a assembly
	for ev := range stream.Events() {
		a.event(ev)
		if !a.begun {
			continue
		}
		if x.r.TTFT == nil {
			d := x.call.Elapsed()
			x.r.TTFT = &d
		}
		x.call.Progress()
	}
	err = stream.Err()
	if err == nil {
		x.call.Done()
	}
	a.into(&x.r)
	switch phase := x.streamPhase(); {
	case err != nil && (a.stop == "" || x.call.Err(err) != err): //nolint:errorlint // the same value, or the call's own reason
		x.fail(err, phase)
	case a.stop == "":
		x.fail(providers.ErrIncomplete, phase)
	default:
		providers.Judge(&x.r)
	}
}

// phase is how far a call had come that has no answer.
func (x *exchange) phase() eval.Phase {
	switch {
	case x.header == nil:
		return x.call.Phase()
	case x.r.Status == http.StatusOK:
		return eval.PhaseMidStream // the body was being read
	}
	return eval.PhaseResponse
}

func (x *exchange) streamPhase() eval.Phase {
	if x.r.TTFT != nil {
		return eval.PhaseMidStream
	}
	return eval.PhaseFirstToken
}

// fail classifies what the SDK returned.
func (x *exchange) fail(err error, phase eval.Phase) {
	s := signal(x.call.Err(err))
	s.Status, s.Header, s.Phase, s.Redactor = x.r.Status, x.header, phase, x.c.redact
	if s.Err != nil && x.header != nil && x.r.Status != http.StatusOK {
		// A refusal whose body the SDK could not read: the status says enough.
		s.Err, s.Message = nil, http.StatusText(x.r.Status)
	}
	if x.r.Status == http.StatusOK && s.Err == nil {
		s.Status = 0 // an exception inside a stream: the status was of its beginning
	}
	x.r.Failure = providers.Classify(s)
	x.r.Failure.Status = x.r.Status
}

// signal takes an error of the SDK apart: an exception that the service named,
// something that its own transport or ours reported, or an answer that is not
// what the wire says.
func signal(err error) providers.Signal {
	var api smithy.APIError
	var form *smithy.DeserializationError
	switch {
	case errors.As(err, &api) && api.ErrorCode() != "" && api.ErrorCode() != "UnknownError":
		return providers.Signal{Type: api.ErrorCode(), Message: api.ErrorMessage()}
	case noIdentity(err):
		return providers.Signal{Type: "ExpiredTokenException", Message: "the AWS credentials could not be renewed: " + err.Error()}
	case errors.As(err, &form):
		return providers.Signal{Err: errors.Join(providers.ErrMalformed, form)}
	}
	return providers.Signal{Err: err}
}

// noIdentity reports whether the SDK had no credentials to sign with. It has no
// type for it.
func noIdentity(err error) bool {
	s := err.Error()
	return strings.Contains(s, "get identity:") || strings.Contains(s, "refresh cached credentials") || strings.Contains(s, "failed to retrieve credentials")
}

// finish fills in what every answer has, and takes secrets out of it.
func (x *exchange) finish() {
	r, redact := &x.r, x.c.redact
	r.InFlight = x.call.InFlight()
	if x.header != nil {
		r.RequestID, r.RateLimits = redact.Answer(providers.RequestID(x.header)), providers.RateLimits(x.header)
	}
	r.Text, r.FinishRaw = eval.Untrusted(redact.Answer(r.Text.Raw())), redact.Answer(r.FinishRaw)
	for i := range r.ToolCalls {
		t := &r.ToolCalls[i]
		t.Arguments = []byte(redact.Answer(string(t.Arguments)))
	}
	for k, v := range r.RateLimits {
		r.RateLimits[k] = redact.Answer(v)
	}
}

func milliseconds(ms *int64) *time.Duration {
	if ms == nil || *ms < 0 || *ms > 1e8 {
		return nil
	}
	d := time.Duration(*ms) * time.Millisecond
	return &d
}
