// Package otlp writes a run as OpenTelemetry traces in OTLP/JSON: a span for the
// run, one for each trial below it, and one for each call below that, with the
// names of the GenAI semantic conventions. What graders said of an answer is an
// event of its call. Identifiers follow from the run, so the same run gives the same
// spans whenever it is exported.
//
// Texts of prompts and answers are not written. Not guaranteed: that the conventions
// name things so in another version; they are in development.
package otlp

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

	"infer/eval"
)

// Semconv is a version of the GenAI semantic conventions.
type Semconv string

// The versions whose names can be written.
const (
	Semconv141    Semconv = "1.41"
	SemconvLatest Semconv = "latest"
)

// Semconvs lists them, the default first.
func Semconvs() []string { return []string{string(Semconv141), string(SemconvLatest)} }

// Request is one ExportTraceServiceRequest.
type Request struct {
	ResourceSpans []resourceSpans `json:"resourceSpans"`
}

type resourceSpans struct {
	Resource   resource     `json:"resource"`
	ScopeSpans []scopeSpans `json:"scopeSpans"`
}

type resource struct {
	Attributes []attribute `json:"attributes"`
}

type scopeSpans struct {
	Scope     scope  `json:"scope"`
	Spans     []span `json:"spans"`
	SchemaURL string `json:"schemaUrl,omitempty"`
}

type scope struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// The kinds and the state of a span.
const (
	kindInternal = 1
	kindClient   = 3
	stateError   = 2
)

type span struct {
	TraceID    string      `json:"traceId"`
	SpanID     string      `json:"spanId"`
	ParentID   string      `json:"parentSpanId,omitempty"`
	Name       string      `json:"name"`
	Kind       int         `json:"kind"`
	Start      string      `json:"startTimeUnixNano"` // 64-bit integers are texts in OTLP/JSON
	End        string      `json:"endTimeUnixNano"`
	Attributes []attribute `json:"attributes,omitempty"`
	Events     []event     `json:"events,omitempty"`
	Status     *status     `json:"status,omitempty"`
}

type event struct {
	Time       string      `json:"timeUnixNano"`
	Name       string      `json:"name"`
	Attributes []attribute `json:"attributes,omitempty"`
}

type status struct {
	Message string `json:"message,omitempty"`
	Code    int    `json:"code"`
}

type attribute struct {
	Key   string `json:"key"`
	Value value  `json:"value"`
}

type value struct {
	String *string  `json:"stringValue,omitempty"`
	Int    *string  `json:"intValue,omitempty"`
	Double *float64 `json:"doubleValue,omitempty"`
	Bool   *bool    `json:"boolValue,omitempty"`
	Array  *array   `json:"arrayValue,omitempty"`
}

type array struct {
	Values []value `json:"values"`
}

// attributes collects those that are known.
type attributes []attribute

func (a *attributes) text(key, s string) {
	if s != "" {
		*a = append(*a, attribute{key, value{String: &s}})
	}
}

func (a *attributes) count(key string, n int64) {
	s := strconv.FormatInt(n, 10)
	*a = append(*a, attribute{key, value{Int: &s}})
}

func (a *attributes) number(key string, v float64) {
	*a = append(*a, attribute{key, value{Double: &v}})
}

func (a *attributes) flag(key string, b bool) { *a = append(*a, attribute{key, value{Bool: &b}}) }

func (a *attributes) list(key, s string) {
	if s != "" {
		*a = append(*a, attribute{key, value{Array: &array{[]value{{String: &s}}}}})
	}
}

// cost adds what is known of a cost in US dollars: its exact amount, or its ends.
func (a *attributes) cost(c eval.Cost) {
	if c.Known() {
		a.number("infer.cost.usd", c.Low.Float())
		return
	}
	a.number("infer.cost.low_usd", c.Low.Float())
	if !c.Unbounded {
		a.number("infer.cost.high_usd", c.High.Float())
	}
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// id is an identifier of n bytes that follows from what it is of.
func id(n int, parts ...string) string {
	in := make([][]byte, len(parts))
	for i := range parts {
		in[i] = []byte(parts[i])
	}
	d := eval.DigestOf(in...)
	return hex.EncodeToString(d[:n])
}

// Requests yields a run as requests: one for each trial, the run's own span last.
// Trials that were run elsewhere have no spans.
func Requests(run *eval.Run, trials iter.Seq2[*eval.Trial, error], names Semconv) iter.Seq2[Request, error] {
	return func(yield func(Request, error) bool) {
		e := exporter{run: run, names: names, trace: id(16, "trace", run.ID), root: id(8, "run", run.ID)}
		for t, err := range trials {
			if err != nil {
				yield(Request{}, err)
				return
			}
			if len(t.Attempts) > 0 && !yield(e.request(e.trial(t)), nil) {
				return
			}
		}
		yield(e.request([]span{e.whole()}), nil)
	}
}

// Write writes a run as lines of JSON, as the collector's file exporter does.
func Write(w io.Writer, run *eval.Run, trials iter.Seq2[*eval.Trial, error], names Semconv) error {
	for r, err := range Requests(run, trials, names) {
		if err != nil {
			return err
		}
		b, err := json.Marshal(&r)
		if err != nil {
			return fmt.Errorf("encode spans: %w", err)
		}
		if _, err := w.Write(append(b, '\n')); err != nil {
			return err
		}
	}
	return nil
}

type exporter struct {
	run         *eval.Run
	names       Semconv
	trace, root string
}

func (e *exporter) request(spans []span) Request {
	var a attributes
	a.text("service.name", "infer")
	a.text("service.version", e.run.Version)
	s := scopeSpans{Scope: scope{"infer", e.run.Version}, Spans: spans}
	if e.names == Semconv141 {
		s.SchemaURL = "https://opentelemetry.io/schemas/1.41.0"
	}
	return Request{[]resourceSpans{{resource{a}, []scopeSpans{s}}}}
}

// whole is the span of the run.
func (e *exporter) whole() span {
	var a attributes
	a.text("infer.run.id", e.run.ID)
	a.text("infer.run.name", eval.Untrusted(e.run.Name).Line(200))
	a.text("infer.run.state", string(e.run.State))
	a.text("infer.dataset.digest", e.run.Dataset.Digest.String())
	return span{TraceID: e.trace, SpanID: e.root, Name: "infer.run", Kind: kindInternal, Start: nanos(e.run.CreatedAt), End: nanos(e.run.UpdatedAt), Attributes: a}
}

// trial is the span of a trial with those of its calls.
func (e *exporter) trial(t *eval.Trial) []span {
	c := &e.run.Candidates[t.Candidate]
	own := id(8, "trial", e.run.ID, strconv.Itoa(t.Candidate), strconv.Itoa(t.TaskSeq), strconv.Itoa(t.Repeat))
	var a attributes
	a.text("infer.run.id", e.run.ID)
	a.text("infer.task.id", eval.Untrusted(t.TaskID).Line(200))
	a.text("infer.task.type", eval.Untrusted(t.TaskType).Line(200))
	a.text("infer.candidate", eval.Untrusted(c.Name).Line(200))
	a.count("infer.repeat", int64(t.Repeat))
	a.text("infer.verdict", string(t.Verdict))
	a.text("infer.error.class", string(t.ErrorClass()))
	a.cost(t.Cost.Final())
	s := span{TraceID: e.trace, SpanID: own, ParentID: e.root, Name: "infer.task", Kind: kindInternal, Attributes: a}
	if t.Verdict == eval.Errored {
		s.Status = &status{Code: stateError, Message: string(t.ErrorClass())}
	}
	out := []span{s}
	var begin, end time.Time
	resends := 0
	for i := range t.Attempts {
		x := &t.Attempts[i]
		if x.Cause == eval.CauseRetry {
			resends++
		} else {
			resends = 0
		}
		last := x.StartedAt.Add(x.InFlight)
		if begin.IsZero() || x.StartedAt.Before(begin) {
			begin = x.StartedAt
		}
		if last.After(end) {
			end = last
		}
		out = append(out, e.call(t, x, own, resends))
	}
	out[0].Start, out[0].End = nanos(begin), nanos(end)
	return out
}

// Spans is how many spans a request holds.
func (r *Request) Spans() int {
	n := 0
	for _, res := range r.ResourceSpans {
		for _, s := range res.ScopeSpans {
			n += len(s.Spans)
		}
	}
	return n
}
