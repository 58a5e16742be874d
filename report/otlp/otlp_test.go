package otlp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"iter"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"infer/eval"
	"infer/report/otlp"
)

// ids are hexadecimal in OTLP/JSON, and base64 in the JSON of protocol buffers.
var ids = regexp.MustCompile(`"(traceId|spanId|parentSpanId)":"([0-9a-f]*)"`)

// read reads lines back with the official types: an unknown field is an error.
func read(t *testing.T, b []byte) []*trace.Span {
	t.Helper()
	var out []*trace.Span
	for line := range bytes.Lines(b) {
		line = ids.ReplaceAllFunc(line, func(m []byte) []byte {
			parts := ids.FindSubmatch(m)
			raw, err := hex.DecodeString(string(parts[2]))
			if err != nil {
				t.Fatal(err)
			}
			return []byte(`"` + string(parts[1]) + `":"` + base64.StdEncoding.EncodeToString(raw) + `"`)
		})
		var r collector.ExportTraceServiceRequest
		if err := protojson.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v\n%s", err, line)
		}
		for _, res := range r.GetResourceSpans() {
			for _, s := range res.GetScopeSpans() {
				out = append(out, s.GetSpans()...)
			}
		}
	}
	return out
}

func plain(attributes []*common.KeyValue) map[string]any {
	out := make(map[string]any)
	for _, a := range attributes {
		switch v := a.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			out[a.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			out[a.GetKey()] = v.IntValue
		case *common.AnyValue_DoubleValue:
			out[a.GetKey()] = v.DoubleValue
		case *common.AnyValue_BoolValue:
			out[a.GetKey()] = v.BoolValue
		case *common.AnyValue_ArrayValue:
			out[a.GetKey()] = v.ArrayValue.GetValues()[0].GetStringValue()
		}
	}
	return out
}

var begun = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func example() (*eval.Run, []*eval.Trial) {
	ttft, yes, score := 30*time.Millisecond, true, 0.75
	run := &eval.Run{ID: "r1", Name: "na\x1b[2Jme", State: eval.RunComplete, CreatedAt: begun, UpdatedAt: begun.Add(time.Minute), Version: "1",
		Candidates: []eval.Candidate{{Name: "a", Provider: "gemini", Model: "m", Host: "example.test", Stream: true,
			Params: eval.Params{"temperature": json.RawMessage("0.5"), "max_tokens": json.RawMessage("20")}}}}
	refused := eval.Attempt{Seq: 0, Cause: eval.CauseFirst, Candidate: "a", Provider: "gemini", Model: "m", StartedAt: begun, InFlight: 10 * time.Millisecond, Status: 429,
		Billing: eval.NotBilled, Cost: eval.Exactly(0), Failure: &eval.Failure{Class: eval.ClassRateLimit, Status: 429, Message: "slow\r\ndown"}}
	answer := eval.Attempt{Seq: 1, Cause: eval.CauseRetry, Candidate: "a", Provider: "gemini", Model: "m", Served: "m-001", StartedAt: begun.Add(time.Second),
		Backoff: 990 * time.Millisecond, InFlight: 100 * time.Millisecond, TTFT: &ttft, Status: 200, Finish: eval.FinishStop, FinishRaw: "STOP", RequestID: "req-1",
		Usage: &eval.Usage{InFresh: 10, InCacheRead: 5, InCacheWrite5m: 2, OutText: 3, OutReasoning: 4}, Billing: eval.Billed, Cost: eval.Exactly(2_500_000),
		Output: "a secret answer", Grade: &eval.Grade{Verdict: eval.Accepted, Scores: []eval.Score{{Grader: "exact", Pass: &yes, Value: &score, Explanation: "it\x9b31m fits"}, {Grader: "judge", Error: "no verdict"}}}}
	hung := eval.Attempt{Candidate: "a", Provider: "gemini", Model: "m", Cause: eval.CauseFirst, StartedAt: begun, InFlight: time.Second, Billing: eval.Unbilled, Cost: eval.Between(0, 7_000_000),
		Failure: &eval.Failure{Class: eval.ClassTimeout}}
	return run, []*eval.Trial{
		{TaskSeq: 0, TaskID: "t0", TaskType: "label", Verdict: eval.Accepted, Final: 1, Attempts: []eval.Attempt{refused, answer}, Cost: eval.CostSplit{Answer: answer.Cost}},
		{TaskSeq: 1, TaskID: "t1", TaskType: "label", Verdict: eval.Errored, Final: -1, Attempts: []eval.Attempt{hung}, Cost: eval.CostSplit{Failed: hung.Cost}},
		{TaskSeq: 2, TaskID: "t2", TaskType: "label", Verdict: eval.Accepted, Final: -1, Told: &eval.Told{}},
	}
}

func stream(trials []*eval.Trial) iter.Seq2[*eval.Trial, error] {
	return func(yield func(*eval.Trial, error) bool) {
		for _, t := range trials {
			if !yield(t, nil) {
				return
			}
		}
	}
}

func written(t *testing.T, names otlp.Semconv) []byte {
	t.Helper()
	run, trials := example()
	var b bytes.Buffer
	if err := otlp.Write(&b, run, stream(trials), names); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSpans reads a file back by the official types: a span for each call below its
// trial's below the run's, with the names of the conventions.
func TestSpans(t *testing.T) {
	t.Parallel()
	spans := read(t, written(t, otlp.Semconv141))
	names := make([]string, len(spans))
	for i, s := range spans {
		names[i] = s.GetName()
	}
	if diff := cmp.Diff([]string{"infer.task", "chat m", "chat m", "infer.task", "chat m", "infer.run"}, names); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	task, first, second, lost, root := spans[0], spans[1], spans[2], spans[4], spans[5]
	for _, link := range [][2]*trace.Span{{first, task}, {second, task}, {lost, spans[3]}, {task, root}, {spans[3], root}} {
		if !bytes.Equal(link[0].GetParentSpanId(), link[1].GetSpanId()) || !bytes.Equal(link[0].GetTraceId(), root.GetTraceId()) {
			t.Errorf("%s is not below %s", link[0].GetName(), link[1].GetName())
		}
	}
	if len(root.GetTraceId()) != 16 || len(root.GetSpanId()) != 8 || len(root.GetParentSpanId()) != 0 {
		t.Errorf("ids of %d and %d bytes", len(root.GetTraceId()), len(root.GetSpanId()))
	}
	if first.GetKind() != trace.Span_SPAN_KIND_CLIENT || first.GetStatus().GetCode() != trace.Status_STATUS_CODE_ERROR || first.GetStatus().GetMessage() != "slow␍␊down" {
		t.Errorf("the refused call: %v %v", first.GetKind(), first.GetStatus())
	}
	if second.GetStartTimeUnixNano() != uint64(begun.Add(time.Second).UnixNano()) || second.GetEndTimeUnixNano()-second.GetStartTimeUnixNano() != 100_000_000 ||
		task.GetEndTimeUnixNano() != second.GetEndTimeUnixNano() || task.GetStartTimeUnixNano() != first.GetStartTimeUnixNano() {
		t.Error("times are not those of the calls")
	}
	want := map[string]any{"gen_ai.operation.name": "chat", "gen_ai.provider.name": "gcp.gemini", "gen_ai.request.model": "m", "gen_ai.response.model": "m-001",
		"gen_ai.request.stream": true, "gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": int64(20), "server.address": "example.test",
		"gen_ai.response.finish_reasons": "STOP", "gen_ai.usage.input_tokens": int64(17), "gen_ai.usage.output_tokens": int64(7),
		"gen_ai.usage.cache_read.input_tokens": int64(5), "gen_ai.usage.cache_creation.input_tokens": int64(2), "gen_ai.usage.reasoning.output_tokens": int64(4),
		"http.response.status_code": int64(200), "http.request.resend_count": int64(1), "infer.attempt.kind": "retry", "infer.attempt.number": int64(1), "infer.candidate": "a",
		"infer.request_id": "req-1", "infer.queue_s": 0.0, "infer.backoff_s": 0.99, "infer.time_to_first_token_s": 0.03, "infer.billing": "billed", "infer.recorded": false, "infer.cost.usd": 2.5e-6}
	if diff := cmp.Diff(want, plain(second.GetAttributes())); diff != "" {
		t.Errorf("the answer's attributes (-want +got):\n%s", diff)
	}
	if a := plain(first.GetAttributes()); a["error.type"] != "429" || a["infer.error.class"] != "rate_limit" || a["gen_ai.usage.input_tokens"] != nil {
		t.Errorf("the refused call: %v", a)
	}
	if a := plain(lost.GetAttributes()); a["error.type"] != "timeout" || a["infer.cost.usd"] != nil || a["infer.cost.low_usd"] != 0.0 || a["infer.cost.high_usd"] != 7e-6 {
		t.Errorf("a cost that is not known: %v", a)
	}
	var results []map[string]any
	for _, e := range second.GetEvents() {
		if e.GetName() == "gen_ai.evaluation.result" {
			results = append(results, plain(e.GetAttributes()))
		}
	}
	if diff := cmp.Diff([]map[string]any{
		{"gen_ai.evaluation.name": "exact", "gen_ai.evaluation.score.label": "pass", "gen_ai.evaluation.score.value": 0.75, "gen_ai.evaluation.explanation": `it\x9b31m fits`},
		{"gen_ai.evaluation.name": "judge", "gen_ai.evaluation.score.label": "unscored", "error.type": "no verdict"}}, results); diff != "" {
		t.Errorf("what graders said (-want +got):\n%s", diff)
	}
}

// TestNames checks what the newest conventions call otherwise, that an export is the
// same each time, and that no answer is in it.
func TestNames(t *testing.T) {
	t.Parallel()
	old, latest := written(t, otlp.Semconv141), written(t, otlp.SemconvLatest)
	if !bytes.Equal(old, written(t, otlp.Semconv141)) {
		t.Error("two exports of one run differ")
	}
	a := plain(read(t, latest)[2].GetAttributes())
	if a["gen_ai.usage.cache_write.input_tokens"] != int64(2) || a["gen_ai.usage.cache_creation.input_tokens"] != nil || a["gen_ai.response.time_to_first_chunk"] != 0.03 {
		t.Errorf("latest: %v", a)
	}
	for _, b := range [][]byte{old, latest} {
		if s := string(b); strings.Contains(s, "secret") || strings.ContainsAny(s, "\x1b\u009b") {
			t.Errorf("an answer or a control character in %s", s)
		}
	}
}
