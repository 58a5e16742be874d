package drill

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"infer/eval/runner"
	"infer/report/route"
)

// Gateway drills a gateway over HTTP, each in its own dialect.
type Gateway struct {
	Format string
	Base   string // up to the host
	Key    string // of the gateway itself; "" = none
	Config []byte // of Portkey, which takes it with every request

	client  *http.Client
	version atomic.Value // as an answer said it
}

var _ Caller = (*Gateway)(nil)

// NewGateway returns a caller of a gateway that runs.
func NewGateway(format, base, key string, config []byte) *Gateway {
	return &Gateway{Format: format, Base: strings.TrimRight(base, "/"), Key: key, Config: config,
		client: &http.Client{Timeout: callTime, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// Version is the gateway's version as its answers say it; "" = they do not.
func (w *Gateway) Version() string {
	v, _ := w.version.Load().(string)
	return v
}

// request is the question in the gateway's dialect.
func (w *Gateway) request(ctx context.Context, x *route.Route, c route.Case) (*http.Request, error) {
	body := map[string]any{"model": "drill", "messages": []map[string]string{{"role": "system", "content": systemPrompt}, {"role": "user", "content": question}},
		"tools": json.RawMessage(toolsJSON)}
	if c.Stream {
		body["stream"] = true
	}
	path, header := "/v1/chat/completions", http.Header{"Content-Type": {"application/json"}}
	switch w.Format {
	case route.FormatLiteLLM:
		body["model"] = "infer/" + x.TaskType
	case route.FormatTensorZero:
		body["model"] = "tensorzero::function_name::" + x.TaskType
		path = "/openai/v1/chat/completions"
	case route.FormatPortkey:
		meta, err := json.Marshal(map[string]string{"task_type": x.TaskType})
		if err != nil {
			return nil, err
		}
		header.Set("x-portkey-config", asciiJSON(w.Config))
		header.Set("x-portkey-metadata", asciiJSON(meta))
	}
	if w.Key != "" {
		header.Set("Authorization", "Bearer "+w.Key)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(w.Base, strings.TrimSuffix(path, "/chat/completions"))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	req.Header = header
	return req, nil
}

// asciiJSON writes JSON for a header: what is not ASCII as escapes.
func asciiJSON(b []byte) string {
	var out strings.Builder
	for _, r := range string(b) {
		switch {
		case r < 0x80:
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// Ask sends the question.
func (w *Gateway) Ask(ctx context.Context, x *route.Route, c route.Case) route.Observed {
	req, err := w.request(ctx, x, c)
	if err != nil {
		return route.Observed{Outcome: route.Broken, Detail: err.Error()}
	}
	res, err := w.client.Do(req)
	if err != nil {
		return route.Observed{Outcome: route.FailedOpenly, Detail: err.Error()}
	}
	defer res.Body.Close() //nolint:errcheck // the body was read or given up
	if v := res.Header.Get("x-litellm-version"); v != "" {
		w.version.Store(v)
	}
	o := route.Observed{Status: res.StatusCode}
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 4096)) // what came of it is shown to people
		o.Outcome, o.Detail = route.FailedOpenly, string(b)
		return o
	}
	if c.Stream {
		o.Outcome, o.Detail = readStream(res.Body)
	} else {
		o.Outcome, o.Detail = readWhole(res.Body)
	}
	if o.Outcome == route.FromBackup || o.Outcome == route.FromContext {
		o.Reason = reason(res.Header, c)
	}
	return o
}

// message is the part of an answer that matters.
type message struct {
	Content string `json:"content"`
	Refusal string `json:"refusal"`
}

type answer struct {
	Choices []struct {
		Message message `json:"message"`
		Delta   message `json:"delta"`
		Finish  *string `json:"finish_reason"`
	} `json:"choices"`
	Error json.RawMessage `json:"error"`
}

func readWhole(body io.Reader) (route.Outcome, string) {
	b, err := io.ReadAll(io.LimitReader(body, 1<<20))
	var a answer
	if err != nil || json.Unmarshal(b, &a) != nil || len(a.Choices) == 0 {
		return route.Broken, string(b[:min(len(b), 400)])
	}
	return outcomeOf(a.Choices[0].Message.Content, a.Choices[0].Message.Refusal, string(b[:min(len(b), 400)]))
}

func outcomeOf(text, refusal, detail string) (route.Outcome, string) {
	o := answeredBy(text)
	if o != route.Broken {
		return o, ""
	}
	if refusal != "" || strings.TrimSpace(text) == "" {
		return route.Refused, "" // an empty answer is what some gateways make of a refusal
	}
	return route.Broken, detail
}

// readStream reads a stream to its end. An error inside it is one that the caller
// can see; one that just ends is half an answer.
func readStream(body io.Reader) (route.Outcome, string) {
	var text, refusal strings.Builder
	ended := false
	sc := bufio.NewScanner(io.LimitReader(body, 4<<20))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		data, ok := strings.CutPrefix(sc.Text(), "data:")
		if !ok {
			continue
		}
		data = strings.TrimSpace(data)
		if data == "[DONE]" {
			ended = true
			break
		}
		var a answer
		if json.Unmarshal([]byte(data), &a) != nil {
			return route.Broken, data
		}
		if len(a.Error) > 0 && string(a.Error) != "null" {
			return route.FailedOpenly, "error in the stream: " + string(a.Error)
		}
		for _, c := range a.Choices {
			text.WriteString(c.Delta.Content)
			refusal.WriteString(c.Delta.Refusal)
			ended = ended || c.Finish != nil && *c.Finish != ""
		}
	}
	if err := sc.Err(); err != nil {
		return route.FailedOpenly, "the stream broke off: " + err.Error() // the caller's library sees that too
	}
	if !ended {
		return route.Broken, fmt.Sprintf("the stream ended as if whole after %q", text.String())
	}
	return outcomeOf(text.String(), refusal.String(), fmt.Sprintf("the stream was %q", text.String()))
}

// reason looks for a word on why another model answered: the status or the code
// of what happened, in any header of the answer.
func reason(h http.Header, c route.Case) string {
	for name, values := range h {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-") || !strings.Contains(lower, "fallback") && !strings.Contains(lower, "reason") && !strings.Contains(lower, "error") {
			continue
		}
		for _, v := range values {
			for _, sign := range signs(c) {
				if strings.Contains(strings.ToLower(v), sign) {
					return name + ": " + v
				}
			}
		}
	}
	return ""
}

// signs are words that tell what a case is.
func signs(c route.Case) []string {
	out := []string{strings.ReplaceAll(string(c.Class), "_", " "), string(c.Class), "timeout", "rate", "unavailable", "reset", "overloaded"}
	if n, _, _ := strings.Cut(c.Fault, "_"); n != "" && n[0] >= '0' && n[0] <= '9' {
		out = append(out, n)
	}
	return out
}

// Ready waits until the gateway answers at all.
func (w *Gateway) Ready(ctx context.Context) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.Base, nil)
		if err != nil {
			return err
		}
		res, err := w.client.Do(req)
		if err == nil {
			_ = res.Body.Close()
			return nil
		}
		if waitErr := runner.Sleep(ctx, 250*time.Millisecond); waitErr != nil {
			return errors.Join(fmt.Errorf("the gateway does not answer at %s", w.Base), err)
		}
	}
}
