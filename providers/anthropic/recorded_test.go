package anthropic_test

import (
	"bufio"
	"encoding/json"
	"strings"
	"testing"

	"infer/eval"
	"infer/providers/anthropic"
	"infer/providers/internal/wiretest"
)

// TestRecorded reads what Anthropic, and Anthropic's models at Vertex and
// Bedrock, really answered, and compares it with what the bytes say.
func TestRecorded(t *testing.T) {
	t.Parallel()
	all := wiretest.Recordings(t, func(address string) bool {
		return strings.HasSuffix(address, "api.anthropic.com/v1/messages") || strings.Contains(address, "/publishers/anthropic/") || strings.HasSuffix(address, "/invoke")
	})
	for name, list := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range list {
				r := &list[i]
				got := client(t, anthropic.Config{BaseURL: wiretest.Serve(t, r.ServeHTTP)}).Call(t.Context(), wiretest.Ask(r.Streamed()))
				want := tell(t, r)
				if got.Failure != nil {
					t.Errorf("exchange %d: %v", i, got.Failure)
					continue
				}
				calls := make([]string, 0, len(got.ToolCalls))
				for _, c := range got.ToolCalls {
					calls = append(calls, c.ID+" "+c.Name+" "+canonical(t, c.Arguments))
				}
				if got.Text.Raw() != want.text || strings.Join(calls, "\n") != strings.Join(want.calls, "\n") || got.FinishRaw != want.stop || got.Model != want.model {
					t.Errorf("exchange %d: text %q, calls %q, stop %q, model %q; want %+v", i, got.Text, calls, got.FinishRaw, got.Model, want)
				}
				if got.Finish != eval.FinishStop && got.Finish != eval.FinishToolCalls {
					t.Errorf("exchange %d: finish %q", i, got.Finish)
				}
				u := got.Usage
				if u == nil || u.InFresh != want.usage["input_tokens"] || u.InCacheRead != want.usage["cache_read_input_tokens"] ||
					u.InCacheWrite5m+u.InCacheWrite1h != want.usage["cache_creation_input_tokens"] || u.Output() != want.usage["output_tokens"] || u.Tier != "" {
					t.Errorf("exchange %d: usage %+v, want %v", i, u, want.usage)
				}
			}
		})
	}
}

// told is what the bytes of a recording say, read without this package.
type told struct {
	text, stop, model string
	calls             []string
	usage             map[string]int64
}

func tell(t *testing.T, r *wiretest.Recording) told {
	t.Helper()
	out := told{usage: make(map[string]int64)}
	if !r.Streamed() {
		out.take(t, []byte(r.Response.Body), nil)
		return out
	}
	inputs := make(map[string]*strings.Builder)
	sc := bufio.NewScanner(strings.NewReader(r.Response.Body))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if data, ok := strings.CutPrefix(sc.Text(), "data:"); ok {
			out.take(t, []byte(data), inputs)
		}
	}
	for i, c := range out.calls {
		at, head, _ := strings.Cut(c, "|")
		args := "{}"
		if b := inputs[at]; b != nil && b.Len() > 0 {
			args = b.String()
		}
		out.calls[i] = head + " " + canonical(t, []byte(args))
	}
	return out
}

// take reads a message or, with inputs, one event of a stream.
func (o *told) take(t *testing.T, b []byte, inputs map[string]*strings.Builder) {
	t.Helper()
	type block struct {
		Type, Text, ID, Name string
		Input                json.RawMessage
	}
	var v struct {
		Model      string                     `json:"model"`
		StopReason string                     `json:"stop_reason"`
		Content    []block                    `json:"content"`
		Usage      map[string]json.RawMessage `json:"usage"`
		Message    json.RawMessage            `json:"message"`
		Index      json.Number                `json:"index"`
		Block      *block                     `json:"content_block"`
		Delta      struct {
			Text       string `json:"text"`
			Partial    string `json:"partial_json"`
			StopReason string `json:"stop_reason"`
		} `json:"delta"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Message) > 0 {
		o.take(t, v.Message, inputs)
	}
	if v.Model != "" {
		o.model = v.Model
	}
	if s := v.StopReason + v.Delta.StopReason; s != "" {
		o.stop = s
	}
	for name, raw := range v.Usage {
		var n int64
		if json.Unmarshal(raw, &n) == nil {
			o.usage[name] = n
		}
	}
	for _, c := range v.Content {
		o.text += c.Text
		if c.Type == "tool_use" {
			o.calls = append(o.calls, c.ID+" "+c.Name+" "+canonical(t, c.Input))
		}
	}
	if v.Block != nil && v.Block.Type == "tool_use" {
		o.calls = append(o.calls, v.Index.String()+"|"+v.Block.ID+" "+v.Block.Name)
		inputs[v.Index.String()] = new(strings.Builder)
	}
	o.text += v.Delta.Text
	if v.Delta.Partial != "" {
		inputs[v.Index.String()].WriteString(v.Delta.Partial)
	}
}

func canonical(t *testing.T, b []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	c, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(c)
}
