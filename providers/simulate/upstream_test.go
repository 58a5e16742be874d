package simulate_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"infer/eval"
	"infer/providers/httpx"
	"infer/providers/openai"
	"infer/providers/simulate"
)

// TestUpstream asks an upstream over a real connection under each fault: what the
// wire makes of it is the class that the fault is named for.
func TestUpstream(t *testing.T) {
	t.Parallel()
	u := simulate.NewUpstream("A")
	srv := httptest.NewServer(u)
	t.Cleanup(srv.Close)
	c, err := openai.New(httpx.Config{Name: "upstream", BaseURL: srv.URL + "/v1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		fault  simulate.Fault
		stream bool
		class  eval.Class // "" = an answer
		phase  eval.Phase
		retry  bool
	}{
		{simulate.FaultNone, false, "", "", false},
		{simulate.FaultNone, true, "", "", false},
		{simulate.FaultRateLimit, false, eval.ClassRateLimit, eval.PhaseResponse, true},
		{simulate.FaultRetryAfter, false, eval.ClassRateLimit, eval.PhaseResponse, true},
		{simulate.FaultBalance, false, eval.ClassAuthBilling, eval.PhaseResponse, false},
		{simulate.Fault500, false, eval.ClassUnavailable, eval.PhaseResponse, true},
		{simulate.Fault503, true, eval.ClassUnavailable, eval.PhaseResponse, true},
		{simulate.Fault529, false, eval.ClassUnavailable, eval.PhaseResponse, true},
		{simulate.FaultHang, false, eval.ClassTimeout, eval.PhaseFirstByte, true},
		{simulate.FaultHang, true, eval.ClassTimeout, eval.PhaseFirstByte, true},
		{simulate.FaultStall, true, eval.ClassTimeout, eval.PhaseMidStream, false},
		{simulate.FaultReset, false, eval.ClassNetwork, eval.PhaseFirstByte, true},
		{simulate.FaultCut, true, eval.ClassNetwork, eval.PhaseMidStream, true},
		{simulate.FaultParameter, false, eval.ClassParameter, eval.PhaseResponse, false},
		{simulate.FaultContext, false, eval.ClassUserInput, eval.PhaseResponse, false},
		{simulate.FaultFilter, false, eval.ClassRefusal, eval.PhaseResponse, false},
		{simulate.FaultRefusal, false, eval.ClassRefusal, eval.PhaseResponse, false},
		{simulate.FaultRefusal, true, eval.ClassRefusal, eval.PhaseResponse, false},
	} {
		model := string(tc.fault) + map[bool]string{true: " stream"}[tc.stream]
		t.Run("fault "+model, func(t *testing.T) {
			t.Parallel()
			u.Fail(model, tc.fault)
			req := &eval.Request{Model: model, System: "s", Stream: tc.stream, Messages: []eval.Message{eval.TextMessage("user", "q")},
				Tools: json.RawMessage(`[ {"b": 1, "a": 2} ]`), Params: eval.Params{"temperature": json.RawMessage("0")}, Limits: eval.Limits{Timeout: 300 * time.Millisecond}}
			r := c.Call(context.Background(), req)
			if tc.class == "" {
				if r.Failure != nil || r.Text.Raw() != simulate.Answer("A") {
					t.Errorf("%q, %v", r.Text, r.Failure)
				}
			} else if f := r.Failure; f == nil || f.Class != tc.class || f.Phase != tc.phase || f.Retry != tc.retry {
				t.Errorf("%+v, want %s in %s, retry %v", f, tc.class, tc.phase, tc.retry)
			}
			calls := u.Calls(model)
			if len(calls) != 1 || calls[0].Stream != tc.stream || calls[0].System != eval.DigestOf([]byte("s")) || calls[0].Tools != simulate.CanonicalDigest([]byte(`[{"a":2,"b":1}]`)) {
				t.Errorf("received %+v", calls)
			}
			if tc.fault == simulate.FaultRetryAfter && (r.Failure.RetryAfter == nil || *r.Failure.RetryAfter != time.Second) {
				t.Errorf("retry after %v", r.Failure.RetryAfter)
			}
			u.Forget(model)
			if len(u.Calls(model)) != 0 {
				t.Error("not forgotten")
			}
		})
	}
}
