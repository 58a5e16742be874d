package providers_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"infer/eval"
	"infer/providers/internal/wiretest"
)

// TestRealModels asks a real server, llama.cpp's, over the three wires that it
// speaks. It runs where INFER_REAL_MODELS is 1 and the server listens on port 8101.
func TestRealModels(t *testing.T) {
	if os.Getenv("INFER_REAL_MODELS") != "1" {
		t.Skip("INFER_REAL_MODELS is not 1: no real server is asked")
	}
	req := &eval.Request{Model: "smollm2-135m-instruct", System: "You answer in one word.", Messages: []eval.Message{eval.TextMessage("user", "What is the capital of France?")},
		Params: eval.Params{"max_tokens": json.RawMessage("16"), "temperature": json.RawMessage("0")}}
	var said []string
	for _, name := range []string{"chat", "responses", "anthropic"} {
		for _, stream := range []bool{false, true} {
			c, err := wires[name](t, "http://127.0.0.1:8101/v1")
			if err != nil {
				t.Fatal(err)
			}
			r := *req
			r.Stream = stream
			got := c.Call(t.Context(), &r)
			if got.Failure != nil {
				t.Errorf("%s, stream %t: %v", name, stream, got.Failure)
				continue
			}
			said = append(said, got.Text.Raw())
			if got.Text == "" || got.Usage == nil || got.Usage.Input() < 5 || got.Usage.Output() < 1 || got.Finish == "" || got.InFlight <= 0 || stream != (got.TTFT != nil) {
				t.Errorf("%s, stream %t: %+v, usage %+v", name, stream, got, got.Usage)
			}
			t.Logf("%s, stream %t: %q, finish %s, served %s, usage %s, first token %v of %s", name, stream, got.Text.Raw(), got.FinishRaw, got.Model, got.Usage.Raw, got.TTFT, got.InFlight.Round(time.Millisecond))
		}
	}
	for _, s := range said {
		if s != said[0] {
			t.Errorf("the wires disagree at temperature 0: %q", said)
			break
		}
	}
	for _, name := range []string{"chat", "responses", "anthropic"} {
		c, err := wires[name](t, "http://127.0.0.1:8101/v1")
		if err != nil {
			t.Fatal(err)
		}
		r := *req
		r.Params = eval.Params{"max_tokens": json.RawMessage("-5")}
		t.Logf("%s, a bad parameter: %s", name, wiretest.Decision(c.Call(t.Context(), &r).Failure))
	}
}
