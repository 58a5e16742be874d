package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"infer/eval"
	"infer/eval/store"
	"infer/report/otlp"
)

// otlpTime is how long a collector may take for one request, otlpBatch how many
// spans one holds at least.
const (
	otlpTime  = 10 * time.Second
	otlpBatch = 512
)

// checkOTLP refuses a target that spans cannot be sent to.
func (o *evalOptions) checkOTLP() error {
	if !slices.Contains(otlp.Semconvs(), o.semconv) {
		return eval.Invalid(fmt.Errorf("--semconv %s", eval.Untrusted(o.semconv).Line(40)), "it may be "+strings.Join(otlp.Semconvs(), " or "))
	}
	if !isURL(o.otlp) {
		return nil
	}
	u, err := url.Parse(o.otlp)
	if err != nil || u.Host == "" || u.User != nil {
		return eval.Invalid(errors.New("--otlp is not the URL of a collector"), "write it like http://127.0.0.1:4318; credentials go into OTEL_EXPORTER_OTLP_HEADERS")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return eval.Invalid(errors.New("--otlp: spans go to another machine over https only"), "use https, or a collector on this machine")
	}
	return nil
}

func isURL(s string) bool { return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") }

// exportSpans writes the run's spans where --otlp says. They are made from what is
// stored, after the run: a collector cannot hold it up, and what it does not take is
// said and no failure of the run.
func (p *plan) exportSpans(ctx context.Context, s *store.Store) error {
	if p.o.otlp == "" {
		return nil
	}
	run, err := s.Run(ctx, p.run.ID)
	if err != nil {
		return err
	}
	if !isURL(p.o.otlp) {
		return toOutput(p.app, p.o.otlp, func(w io.Writer, _ bool) error { return writeSpans(ctx, w, s, run, p.o.semconv) })
	}
	sent, err := sendSpans(ctx, p.o.otlp, p.app.Env, s, run, p.o.semconv)
	if err != nil {
		p.say("warning: the collector took %d requests, then %v; `infer report %s --format otlp -o spans.jsonl` writes the spans to a file", sent, err, run.ID)
	}
	return nil
}

// writeSpans writes a run's spans as lines of JSON.
func writeSpans(ctx context.Context, w io.Writer, s *store.Store, run *eval.Run, names string) error {
	return otlp.Write(w, run, s.Trials(ctx, run.ID, store.Filter{}), otlp.Semconv(names))
}

// sendSpans posts a run's spans to a collector and says how many requests it took.
func sendSpans(ctx context.Context, target string, env func(string) string, s *store.Store, run *eval.Run, names string) (sent int, err error) {
	if u, err := url.Parse(target); err == nil && strings.Trim(u.Path, "/") == "" {
		target = u.JoinPath("v1", "traces").String()
	}
	client := &http.Client{Timeout: otlpTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var batch otlp.Request
	spans := 0
	post := func() error {
		if spans == 0 {
			return nil
		}
		b, err := json.Marshal(&batch)
		if err != nil {
			return fmt.Errorf("encode spans: %w", err)
		}
		batch, spans = otlp.Request{}, 0
		if err := postSpans(ctx, client, target, env("OTEL_EXPORTER_OTLP_HEADERS"), b); err != nil {
			return err
		}
		sent++
		return nil
	}
	for r, err := range otlp.Requests(run, s.Trials(ctx, run.ID, store.Filter{}), otlp.Semconv(names)) {
		if err != nil {
			return sent, err
		}
		batch.ResourceSpans = append(batch.ResourceSpans, r.ResourceSpans...)
		if spans += r.Spans(); spans >= otlpBatch {
			if err := post(); err != nil {
				return sent, err
			}
		}
	}
	return sent, post()
}

// postSpans makes one request. headers is a list like a=b,c=d, its values escaped as
// in a URL.
func postSpans(ctx context.Context, client *http.Client, target, headers string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	for _, h := range strings.Split(headers, ",") {
		if name, v, ok := strings.Cut(strings.TrimSpace(h), "="); ok {
			if plain, err := url.PathUnescape(v); err == nil {
				req.Header.Set(strings.TrimSpace(name), plain)
			}
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		var timeout *url.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return os.ErrDeadlineExceeded
		}
		return errors.New("it could not be reached")
	}
	defer resp.Body.Close()                                      //nolint:errcheck // read to its end
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection is used again
	if resp.StatusCode >= 300 {
		return fmt.Errorf("answered %d", resp.StatusCode)
	}
	return nil
}
