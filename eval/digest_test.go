package eval_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"infer/eval"
)

func TestDigest(t *testing.T) {
	t.Parallel()
	// The first half of SHA-256("abc"), of FIPS 180-2.
	if got := eval.DigestOf([]byte("abc")).String(); got != "ba7816bf8f01cfea414140de5dae2223" {
		t.Errorf("the digest of abc is %s", got)
	}
	if eval.DigestOf([]byte("ab"), []byte("c")) == eval.DigestOf([]byte("a"), []byte("bc")) {
		t.Error("moving a byte to the next part changes nothing")
	}
	d := eval.DigestOf([]byte("abc"))
	if d.Short() != "ba7816bf8f01" || d.IsZero() || !new(eval.Digest).IsZero() {
		t.Errorf("short %s", d.Short())
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var back eval.Digest
	if err := json.Unmarshal(text, &back); err != nil || back != d {
		t.Errorf("%s is read as %s (%v)", text, back, err)
	}
	for _, bad := range []string{"", "ba", "ba7816bf8f01cfea414140de5dae222x", "ba7816bf8f01cfea414140de5dae222300"} {
		if back.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q passes for a digest", bad)
		}
	}
}

func candidate(t *rapid.T) eval.Candidate {
	c := eval.Candidate{Name: rapid.String().Draw(t, "name"), Provider: rapid.String().Draw(t, "provider"), Model: rapid.String().Draw(t, "model"), Stream: rapid.Bool().Draw(t, "stream")}
	if rapid.Bool().Draw(t, "with params") {
		c.Params = eval.Params{"temperature": json.RawMessage(" 0.5 "), "stop": json.RawMessage(`["\u003c", "<"]`)}
	} else if rapid.Bool().Draw(t, "empty params") {
		c.Params = eval.Params{}
	}
	if rapid.Bool().Draw(t, "with examples") {
		c.Prompt = eval.Prompt{System: rapid.String().Draw(t, "system"), Examples: []eval.Example{{TaskType: "a", Input: "<b>&", Output: "\u2028"}}}
	}
	c.Retry = eval.Retry{Max: rapid.IntRange(0, 5).Draw(t, "retries"), BaseDelay: time.Duration(rapid.Int64Range(0, 1e10).Draw(t, "delay"))}
	return c
}

// TestCandidateDigest does not change when a candidate is renamed, stored or read
// back, and does when anything else changes.
func TestCandidateDigest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := candidate(t)
		want := c.Digest()
		stored, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back eval.Candidate
		if err := json.Unmarshal(stored, &back); err != nil || back.Digest() != want {
			t.Fatalf("%s is read back with the digest %s, want %s (%v)", stored, back.Digest(), want, err)
		}
		renamed := c
		renamed.Name += "x"
		if renamed.Digest() != want {
			t.Fatal("another name is another candidate")
		}
		for name, change := range map[string]func(*eval.Candidate){
			"provider": func(c *eval.Candidate) { c.Provider += "x" }, "model": func(c *eval.Candidate) { c.Model += "x" }, "host": func(c *eval.Candidate) { c.Host += "x" },
			"params": func(c *eval.Candidate) { c.Params = c.Params.Merge(eval.Params{"seed": json.RawMessage("1")}) }, "stream": func(c *eval.Candidate) { c.Stream = !c.Stream },
			"retries": func(c *eval.Candidate) { c.Retry.Max++ }, "timeout": func(c *eval.Candidate) { c.Limits.Timeout++ }, "prompt": func(c *eval.Candidate) { c.Prompt.Template += "x" },
		} {
			changed := c
			change(&changed)
			if changed.Digest() == want {
				t.Fatalf("a change of its %s changes nothing", name)
			}
		}
	})
}

// TestRequestDigest is of what the model sees, and of nothing else.
func TestRequestDigest(t *testing.T) {
	t.Parallel()
	r := eval.Request{Model: "m", System: "s", Messages: []eval.Message{eval.TextMessage("user", "x")}}
	want := r.Digest()
	same := r
	same.TaskID, same.Repeat, same.Draw, same.Expected, same.Stream, same.Limits.Timeout = "a", 3, 2, json.RawMessage("1"), true, time.Second
	same.Tools, same.ResponseFormat = json.RawMessage{}, json.RawMessage{}
	if same.Digest() != want {
		t.Error("what the model does not see changes the digest")
	}
	for name, change := range map[string]func(*eval.Request){
		"model": func(r *eval.Request) { r.Model = "n" }, "system": func(r *eval.Request) { r.System = "" }, "message": func(r *eval.Request) { r.Messages = []eval.Message{eval.TextMessage("user", "y")} },
		"tools": func(r *eval.Request) { r.Tools = json.RawMessage("[]") }, "params": func(r *eval.Request) { r.Params = eval.Params{"seed": json.RawMessage("1")} },
		"format": func(r *eval.Request) { r.ResponseFormat = json.RawMessage("{}") },
	} {
		changed := r
		change(&changed)
		if changed.Digest() == want {
			t.Errorf("another %s changes nothing", name)
		}
	}
}

// TestMessageJSON writes and reads messages back as they were.
func TestMessageJSON(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`{"role":"user","content":"text"}`, `{"role":"user","content":""}`, `{"role":"user","content":[{"type":"text","text":"a"},{"type":"image","path":"x.png"}]}`,
		`{"role":"assistant","tool_calls":[{"id":"1","name":"f","arguments":{"x":1}}]}`, `{"role":"tool","content":"r","tool_call_id":"1","name":"f"}`,
		`{"role":"user","content":[{"type":"file","data":"aGk=","mime":"text/plain"}]}`,
	} {
		var m, back eval.Message
		if err := json.Unmarshal([]byte(in), &m); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &back); err != nil || eval.DigestJSON(back) != eval.DigestJSON(m) {
			t.Errorf("%s is written %s, read %+v (%v)", in, b, back, err)
		}
	}
	var m eval.Message
	if err := json.Unmarshal([]byte(`{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"not JSON"}}]}`), &m); err != nil || string(m.ToolCalls[0].Arguments) != `"not JSON"` {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestErrors finds kinds and hints through wrapped errors.
func TestErrors(t *testing.T) {
	t.Parallel()
	base := errors.New("base")
	inner := eval.WithHint(eval.KindCredentials, base, "inner hint")
	wrapped := fmt.Errorf("outer: %w", inner)
	if eval.KindOf(wrapped) != eval.KindCredentials || eval.Hint(wrapped) != "inner hint" || !errors.Is(wrapped, base) {
		t.Errorf("%v, %q", eval.KindOf(wrapped), eval.Hint(wrapped))
	}
	outer := eval.WithHint(eval.KindStore, wrapped, "")
	if eval.KindOf(outer) != eval.KindStore || eval.Hint(outer) != "inner hint" || outer.Error() != "outer: base" {
		t.Errorf("%v, %q, %v", eval.KindOf(outer), eval.Hint(outer), outer)
	}
	if eval.Invalid(nil, "hint") != nil || eval.KindOf(base) != eval.KindOperational || eval.Hint(base) != "" {
		t.Error("plain errors are mistaken")
	}
	f := &eval.Failure{Class: eval.ClassTimeout, Sub: "ttft", Message: "slow\x1b[2J"}
	if got := f.Error(); got != "timeout (ttft): slow␛[2J" {
		t.Errorf("a failure says %q", got)
	}
	if f.Message = eval.Untrusted(strings.Repeat("x", 1000)); len(f.Error()) > 350 {
		t.Errorf("a failure says %d bytes", len(f.Error()))
	}
}
