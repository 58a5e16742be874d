package providers_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/providers"
)

func TestParseError(t *testing.T) {
	t.Parallel()
	type want struct{ Type, Code, Message string }
	cases := map[string]struct {
		body string
		want want
	}{
		"OpenAI":             {`{"error":{"message":"m","type":"t","param":null,"code":"c"}}`, want{"t", "c", "m"}},
		"null code":          {`{"error":{"message":"m","type":"t","code":null}}`, want{"t", "", "m"}},
		"number as code":     {`{"error":{"message":"m","code":429}}`, want{"", "429", "m"}},
		"Gemini":             {`[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]`, want{"INVALID_ARGUMENT", "400", "m"}},
		"Anthropic":          {`{"type":"error","error":{"type":"overloaded_error","message":"m"}}`, want{"overloaded_error", "", "m"}},
		"text as error":      {`{"error":"model not found"}`, want{"", "", "model not found"}},
		"bare":               {`{"object":"error","message":"m","type":"BadRequestError","code":400}`, want{"BadRequestError", "400", "m"}},
		"list of errors":     {`{"errors":[{"message":"m","code":7003}]}`, want{"", "7003", "m"}},
		"FastAPI text":       {`{"detail":"Not Found"}`, want{"", "", "Not Found"}},
		"FastAPI list":       {`{"detail":[{"loc":["body"],"msg":"field required","type":"missing"}]}`, want{"missing", "", "field required"}},
		"OpenRouter":         {`{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"too long","provider_name":"p"}}}`, want{"", "400", "Provider returned error: too long"}},
		"wrong types":        {`{"error":{"message":{"a":1},"type":["x"],"code":{}}}`, want{`["x"]`, "{}", `{"a":1}`}},
		"HTML":               {"<html><head><title>\n 502 Bad\tGateway</title></head>", want{"", "", "502 Bad Gateway"}},
		"HTML without title": {"<h1>Sorry</h1><p>gone</p>", want{"", "", "Sorry gone"}},
		"text":               {"upstream connect error\n", want{"", "", "upstream connect error"}},
		"empty":              {"", want{}},
		"truncated JSON":     {`{"error":{"mess`, want{"", "", `{"error":{"mess`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := providers.ParseError([]byte(c.body))
			if diff := cmp.Diff(c.want, want{s.Type, s.Code, s.Message}); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzClassifyBody: whatever a server sends with whatever status, there is a
// failure of a known class, with a capped message and a bounded wait.
func FuzzClassifyBody(f *testing.F) {
	for _, c := range bodyCases() {
		f.Add(c.s.Status, []byte(c.s.Detail), "7")
	}
	f.Add(429, []byte(strings.Repeat(`{"error":`, 200)), "-1e999")
	f.Add(0, []byte("\xff\xfe"), "Wed, 21 Oct 2026 07:28:30 GMT")
	f.Fuzz(func(t *testing.T, status int, body []byte, wait string) {
		s := providers.ParseError(body)
		s.Status, s.Phase = status, eval.PhaseResponse
		s.Header = map[string][]string{"Retry-After": {wait}}
		got := providers.Classify(s)
		if !got.Class.Valid() || got.Billing == "" {
			t.Fatalf("class %q, billing %q", got.Class, got.Billing)
		}
		if len(got.Message) > 2048 || len(got.Type) > 210 || len(got.Code) > 210 {
			t.Fatalf("%d bytes of message, %d of type, %d of code", len(got.Message), len(got.Type), len(got.Code))
		}
		if d := got.RetryAfter; d != nil && (*d < 0 || d.Seconds() > 60) {
			t.Fatalf("wait %s", *d)
		}
		if got.RetryOnce && !got.Retry || got.Stop && got.Retry {
			t.Fatalf("contradiction: %+v", got)
		}
		if !utf8.ValidString(got.Error()) {
			t.Fatalf("the printed failure is not text: %q", got.Error())
		}
	})
}
