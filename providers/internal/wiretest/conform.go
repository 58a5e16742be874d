package wiretest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// Caller is a wire's client.
type Caller interface {
	Call(ctx context.Context, req *eval.Request) eval.Response
}

// Wire is what the shared tests must know of a wire over HTTP.
type Wire struct {
	New    func(cfg httpx.Config) (Caller, error)
	Header string // that carries the key
	Prefix string // in front of the key in it
	Whole  string // an answer of Text that is not streamed
	Stream string // the same streamed; its events are separated by blank lines
	Needed int    // how many of its last events a stream can do without
	Echo   string // an answer with KEY wherever a server could put one
}

// Text is what Whole and Stream answer.
const Text = "Florence is in 🇮🇹"

// key is a canary: it may be nowhere but in its header.
const key = "canary-0123456789abcdef"

// Ask is a request for Text.
func Ask(stream bool) *eval.Request {
	return &eval.Request{Model: "m-1", Messages: user("Where is Florence?"), Stream: stream}
}

func (w *Wire) client(t testing.TB, cfg httpx.Config) Caller {
	t.Helper()
	c, err := w.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Answering serves one answer.
func Answering(t testing.TB, status int, kind, body string) string {
	t.Helper()
	return Serve(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", kind)
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, body)
	}) + "/v1"
}

// The content types of answers.
const (
	JSON = "application/json"
	SSE  = "text/event-stream; charset=utf-8"
)

// Decision writes what a failure's row decides: class/sub phase flags billing,
// with R retry, 1 once, F fallback, S stop.
func Decision(f *eval.Failure) string {
	if f == nil {
		return "none"
	}
	flags := ""
	for _, x := range []struct {
		on   bool
		mark string
	}{{f.Retry, "R"}, {f.RetryOnce, "1"}, {f.Fallback, "F"}, {f.Stop, "S"}} {
		if x.on {
			flags += x.mark
		}
	}
	return string(f.Class) + "/" + f.Sub + " " + string(f.Phase) + " " + flags + " " + string(f.Billing)
}

// Conform runs the promises that every wire over HTTP keeps.
func Conform(t *testing.T, w Wire) {
	t.Helper()
	t.Run("answers", w.answers)
	t.Run("a cut stream is a failure", w.cuts)
	t.Run("connections", w.connections)
	t.Run("limits", w.limits)
	t.Run("statuses", w.statuses)
	t.Run("plain text", w.plainText)
	t.Run("redirects", w.redirects)
	t.Run("echoed keys", w.echoes)
}

func (w Wire) answers(t *testing.T) {
	t.Parallel()
	whole := w.client(t, httpx.Config{BaseURL: Answering(t, 200, JSON, w.Whole)}).Call(t.Context(), Ask(false))
	for name, got := range map[string]eval.Response{
		"streamed":              w.client(t, httpx.Config{BaseURL: Answering(t, 200, SSE, w.Stream)}).Call(t.Context(), Ask(true)),
		"of no type":            w.client(t, httpx.Config{BaseURL: Answering(t, 200, "", w.Stream)}).Call(t.Context(), Ask(true)),
		"answered whole":        w.client(t, httpx.Config{BaseURL: Answering(t, 200, JSON, w.Whole)}).Call(t.Context(), Ask(true)),
		"with carriage returns": w.client(t, httpx.Config{BaseURL: Answering(t, 200, SSE, strings.ReplaceAll(w.Stream, "\n", "\r\n"))}).Call(t.Context(), Ask(true)),
	} {
		if got.Failure != nil || got.Text != Text || got.Finish != eval.FinishStop || got.Usage == nil {
			t.Errorf("%s: %+v, failure %v", name, got, got.Failure)
			continue
		}
		if diff := cmp.Diff(whole, got, cmpopts.IgnoreFields(eval.Response{}, "InFlight", "TTFT"), cmpopts.IgnoreFields(eval.Usage{}, "Raw")); diff != "" {
			t.Errorf("%s differs from whole (-whole +got):\n%s", name, diff)
		}
		if !json.Valid(got.Usage.Raw) || got.InFlight <= 0 || (got.TTFT == nil) != (name == "answered whole") {
			t.Errorf("%s: raw usage %q, in flight %s, first token %v", name, got.Usage.Raw, got.InFlight, got.TTFT)
		}
	}
}

// cuts ends the stream behind each of its events, and in the middle of each.
func (w Wire) cuts(t *testing.T) {
	t.Parallel()
	events := strings.SplitAfter(strings.TrimRight(w.Stream, "\n")+"\n\n", "\n\n")
	events = events[:len(events)-1]
	enough := len(events) - w.Needed // so many events are a whole answer
	sent := ""
	for i, ev := range events {
		w.cut(t, sent+ev[:len(ev)*2/3], i >= enough)
		sent += ev
		w.cut(t, sent, i+1 >= enough)
	}
}

func (w Wire) cut(t *testing.T, body string, whole bool) {
	t.Helper()
	got := w.client(t, httpx.Config{BaseURL: Answering(t, 200, SSE, body)}).Call(t.Context(), Ask(true))
	if whole {
		if got.Failure != nil || got.Text != Text {
			t.Errorf("%q: %v, text %q", body, got.Failure, got.Text)
		}
		return
	}
	f := got.Failure
	if f == nil || f.Class != eval.ClassNetwork || f.Sub != "incomplete_stream" || f.Billing != eval.Unbilled {
		t.Errorf("%q: %s", body, Decision(f))
	}
	if !strings.HasPrefix(Text, got.Text.Raw()) {
		t.Errorf("%q: text %q", body, got.Text)
	}
}

func (w Wire) connections(t *testing.T) {
	t.Parallel()
	closed := Closed(t) + "/v1"
	first, _, _ := strings.Cut(w.Stream, Text[:4])
	first += w.Stream[len(first) : len(first)+strings.Index(w.Stream[len(first):], "\n\n")+2]
	abort := func(body string) string {
		return Serve(t, func(rw http.ResponseWriter, _ *http.Request) {
			if body != "" {
				rw.Header().Set("Content-Type", SSE)
				_, _ = io.WriteString(rw, body)
				_ = http.NewResponseController(rw).Flush()
			}
			panic(http.ErrAbortHandler)
		}) + "/v1"
	}
	gzipped := Serve(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(rw, "not gzip at all")
	}) + "/v1"
	for name, c := range map[string]struct {
		base   string
		stream bool
		want   string
	}{
		"refused":          {closed, false, "network/refused connect F not_billed"},
		"reset":            {abort(""), true, "network/ first_byte RF unknown"},
		"reset mid stream": {abort(first), true, "network/incomplete_stream mid_stream RF unknown"},
		"gzip garbage":     {gzipped, false, "provider_unavailable/malformed_response mid_stream RF unknown"},
		"half JSON":        {Answering(t, 200, JSON, w.Whole[:len(w.Whole)/2]), false, "provider_unavailable/malformed_response response RF unknown"},
		"empty object":     {Answering(t, 200, JSON, "{}"), false, "provider_unavailable/malformed_response response RF unknown"},
		"a page":           {Answering(t, 200, "text/html", "<html><title>Sorry</title></html>"), true, "provider_unavailable/malformed_response response RF unknown"},
		"no events":        {Answering(t, 200, SSE, ""), true, "network/incomplete_stream first_token RF unknown"},
		"bad event":        {Answering(t, 200, SSE, first+"data: {oops}\n\n"+w.Stream), true, "provider_unavailable/malformed_response mid_stream RF unknown"},
		"error event":      {Answering(t, 200, SSE, first+"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"), true, "provider_unavailable/ mid_stream RF unknown"},
	} {
		got := w.client(t, httpx.Config{BaseURL: c.base}).Call(t.Context(), Ask(c.stream))
		if d := Decision(got.Failure); d != c.want || got.InFlight <= 0 {
			t.Errorf("%s: %s (%v) after %s, want %s", name, d, got.Failure, got.InFlight, c.want)
		}
	}
}

func (w Wire) limits(t *testing.T) {
	t.Parallel()
	first, _, _ := strings.Cut(w.Stream, Text[:4])
	first += w.Stream[len(first) : len(first)+strings.Index(w.Stream[len(first):], "\n\n")+2]
	base := Serve(t, func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.Contains(r.URL.Path, "drip") {
			rw.Header().Set("Content-Type", SSE)
			_, _ = io.WriteString(rw, first)
			_ = http.NewResponseController(rw).Flush()
		}
		<-r.Context().Done()
	})
	const short = 400 * time.Millisecond // long enough for the first piece on a busy machine
	var wg sync.WaitGroup
	for name, c := range map[string]struct {
		path   string
		limits eval.Limits
		times  httpx.Timeouts
		cancel bool
		want   string
	}{
		"hang":         {"/v1", eval.Limits{Timeout: short}, httpx.Timeouts{}, false, "timeout/ttft first_byte R1F unknown"},
		"first token":  {"/v1", eval.Limits{FirstToken: short}, httpx.Timeouts{}, false, "timeout/ttft first_byte R1F unknown"},
		"idle":         {"/drip/v1", eval.Limits{}, httpx.Timeouts{Idle: short}, false, "timeout/idle mid_stream F unknown"},
		"total":        {"/drip/v1", eval.Limits{Timeout: short}, httpx.Timeouts{}, false, "timeout/total mid_stream F unknown"},
		"the user":     {"/v1", eval.Limits{}, httpx.Timeouts{}, true, "caller_cancelled/ first_byte  unknown"},
		"user, stream": {"/drip/v1", eval.Limits{}, httpx.Timeouts{}, true, "caller_cancelled/ mid_stream  unknown"},
	} {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cancel {
				time.AfterFunc(short, cancel)
			}
			req := Ask(true)
			req.Limits = c.limits
			cl, err := w.New(httpx.Config{BaseURL: base + c.path, Timeouts: c.times})
			if err != nil {
				t.Error(err)
				return
			}
			got := cl.Call(ctx, req)
			if d := Decision(got.Failure); d != c.want || got.InFlight < short/2 {
				t.Errorf("%s: %s after %s, want %s", name, d, got.InFlight, c.want)
			}
		})
	}
	wg.Wait()
}

// statuses are answers that say all by their status, whoever gives them: a proxy
// or a load balancer knows no wire.
func (w Wire) statuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{
		401: "auth_billing/credentials response S not_billed", 402: "auth_billing/balance response S not_billed",
		403: "auth_billing/permission response S not_billed", 404: "parameter/address response  not_billed",
		408: "timeout/provider response R1F not_billed", 409: "provider_unavailable/not_ready response RF not_billed",
		413: "user_input/too_large response  not_billed", 422: "parameter/ response  not_billed",
		429: "rate_limit/ response RF not_billed", 500: "provider_unavailable/ response RF not_billed",
		502: "provider_unavailable/ response RF not_billed", 503: "provider_unavailable/ response RF not_billed",
		504: "timeout/provider response R1F not_billed", 524: "provider_unavailable/ response RF not_billed",
		525: "network/config response  not_billed", 529: "provider_unavailable/ response RF not_billed",
	} {
		base := Serve(t, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "7")
			rw.Header().Set("X-Request-Id", "req-1")
			rw.WriteHeader(status)
		})
		got := w.client(t, httpx.Config{BaseURL: base + "/v1"}).Call(t.Context(), Ask(true))
		if d := Decision(got.Failure); d != want {
			t.Errorf("%d: %s, want %s", status, d, want)
		}
		if f := got.Failure; f == nil || f.Status != status || f.RetryAfter == nil || *f.RetryAfter != 7*time.Second || got.Status != status || got.RequestID != "req-1" {
			t.Errorf("%d: response %+v, failure %+v", status, got, f)
		}
	}
}

// plainText: a key never goes over plain http to another machine.
func (w Wire) plainText(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]httpx.Config{
		"no URL":       {Key: providers.NewKey(key)},
		"key":          {BaseURL: "http://10.0.0.1/v1", Key: providers.NewKey(key)},
		"header":       {BaseURL: "http://10.0.0.1/v1", Headers: map[string]string{strings.ToLower(w.Header): w.Prefix + key}},
		"a name":       {BaseURL: "http://models.example/v1", Key: providers.NewKey(key)},
		"user in URL":  {BaseURL: "https://u:p@models.example/v1"},
		"not loopback": {BaseURL: "http://127.0.0.1.example/v1", Key: providers.NewKey(key)},
	} {
		if _, err := w.New(cfg); err == nil || eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for _, cfg := range []httpx.Config{{BaseURL: "http://10.0.0.1/v1", Key: providers.NewKey(key), AllowHTTP: true}, {BaseURL: "http://10.0.0.1/v1"}, {BaseURL: "http://localhost:1/v1", Key: providers.NewKey(key)}} {
		w.client(t, cfg)
	}
}

// redirects: the key stays with the host that it was configured for.
func (w Wire) redirects(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other host was called: %s %v", r.URL, r.Header)
	}))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		base := Serve(t, func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, other.URL+"/v1", status)
		})
		got := w.client(t, httpx.Config{BaseURL: base + "/v1", Key: providers.NewKey(key)}).Call(t.Context(), Ask(false))
		if d := Decision(got.Failure); d != "parameter/redirect first_byte  not_billed" {
			t.Errorf("%d: %s", status, d)
		}
	}
}

// echoes: a server that puts the key wherever it can.
func (w Wire) echoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"error":  {400, `{"error":{"message":"bad KEY","type":"KEY","code":"KEY"}}`},
		"text":   {500, strings.Repeat("x", 290) + "KEY"},
		"answer": {200, w.Echo},
	} {
		base := Serve(t, func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get(w.Header) != w.Prefix+key || r.Header.Get("X-Team") != "a" {
				t.Errorf("headers %v", r.Header)
			}
			r.Header.Del(w.Header)
			sent, _ := io.ReadAll(r.Body)
			if all, _ := json.Marshal([]any{r.URL.String(), r.Header, string(sent)}); strings.Contains(string(all), "canary") {
				t.Errorf("the key is also in %s", all)
			}
			rw.Header().Set("X-Request-Id", key)
			rw.Header().Set("X-Ratelimit-Limit-Requests", key)
			rw.Header().Set("Content-Type", JSON)
			rw.WriteHeader(c.status)
			_, _ = io.WriteString(rw, strings.ReplaceAll(c.body, "KEY", key))
		})
		got := w.client(t, httpx.Config{Name: "p", BaseURL: base + "/v1", Key: providers.NewKey(key), Headers: map[string]string{"X-Team": "a"}, KeepBody: true}).Call(t.Context(), Ask(false))
		Redacted(t, name, &got)
	}
}

// Redacted fails where a response holds a key with "canary" in it, or nothing in
// its place.
func Redacted(t *testing.T, name string, got *eval.Response) {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, got.Body...)
	if got.Usage != nil {
		b = append(b, got.Usage.Raw...)
	}
	if got.Failure != nil {
		b = append(b, got.Failure.Error()...)
	}
	if s := string(b); strings.Contains(s, "canary") || !strings.Contains(s, "[redacted]") {
		t.Errorf("%s: response %s", name, s)
	}
}
