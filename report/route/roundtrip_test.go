package route_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"infer/eval"
	"infer/report/route"
)

// services are where a drawn model may be called.
var services = []route.Model{
	{API: route.APIOpenAI}, {API: route.APIOpenAI, BaseURL: "https://api.openai.com/v1/"}, {API: route.APIOpenAI, BaseURL: "https://api.groq.com/openai/v1"},
	{API: route.APIOpenAI, BaseURL: "https://openrouter.ai/api/v1"}, {API: route.APIOpenAI, BaseURL: "http://127.0.0.1:8101/v1"},
	{API: route.APIOpenAI, BaseURL: "https://example.test/a/b"}, {API: route.APIAnthropic}, {API: route.APIGemini},
}

func drawClasses(t *rapid.T, label string) []eval.Class {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(route.Triggers()), 1, 5, rapid.ID[eval.Class]).Draw(t, label)
}

// drawTable draws a valid table whose models are at the services.
func drawTable(t *rapid.T, at []route.Model) *route.Routes {
	r := &route.Routes{Schema: route.Schema, Name: "drawn"}
	names := rapid.SliceOfNDistinct(name(), 2, 4, rapid.ID[string]).Draw(t, "models")
	for _, n := range names {
		m := rapid.SampledFrom(at).Draw(t, "service")
		m.Name, m.Model, m.Provider = n, name().Draw(t, "model"), name().Draw(t, "provider")
		m.KeyEnv = rapid.SampledFrom([]string{"", "A_KEY", "OTHER_KEY"}).Draw(t, "key")
		r.Models = append(r.Models, m)
	}
	for _, taskType := range rapid.SliceOfNDistinct(name(), 1, 4, rapid.ID[string]).Draw(t, "types") {
		order := rapid.Permutation(names).Draw(t, "order")
		x := route.Route{TaskType: taskType, Default: order[0], StopAfterBackup: true, Review: name().Draw(t, "review"),
			TimeoutMS: rapid.SampledFrom([]int64{0, 1, 999, 1234, 30_000, 86_400_000}).Draw(t, "timeout")}
		if x.TimeoutMS > 0 {
			x.FirstTokenMS = rapid.Int64Range(0, x.TimeoutMS).Draw(t, "first token")
		}
		x.Retry = route.Retry{Max: rapid.IntRange(0, 7).Draw(t, "max"), BackupMax: rapid.IntRange(0, 7).Draw(t, "backup max"), On: drawClasses(t, "retry on"),
			BaseDelayMS: rapid.SampledFrom([]int64{0, 1, 250, 1001}).Draw(t, "base"), MaxDelayMS: rapid.SampledFrom([]int64{0, 1001, 60_000, 61_001}).Draw(t, "max delay")}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			x.Confirm, x.ConfirmBackup = true, order[1]
		case 1, 2:
			x.Backup, x.On = order[1], drawClasses(t, "on")
			if rapid.Bool().Draw(t, "context") {
				x.ContextBackup = order[len(order)-1]
			}
		}
		if rapid.Bool().Draw(t, "params") {
			x.Params = drawParams(t)
		}
		if rapid.Bool().Draw(t, "prompt") {
			x.PromptDigest = "00112233445566778899aabbccddeeff"
		}
		r.Routes = append(r.Routes, x)
	}
	return r
}

func drawParams(t *rapid.T) route.Params {
	p := route.Params{}
	for _, n := range rapid.SliceOfN(rapid.OneOf(name(), rapid.SampledFrom([]string{"temperature", "top_p", "max_tokens", "seed", "stop", "presence_penalty"})), 0, 4).Draw(t, "names") {
		v := rapid.SampledFrom([]any{0, 1, -3, 0.7, 1e-9, 1e21, true, false, "text", "os.environ/SECRET", []any{"\n", "b"}, []any{1, "a", 0.5}, map[string]any{"a b": 1, "ü": []any{}}, nil, []any{nil}, "${X}"}).Draw(t, "value")
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		p[n] = b
	}
	return p
}

// TestRoundTrip exports tables with hostile names to every format and reads them
// back: what comes back is the rule, less exactly what the losses name.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, format := range route.Formats() {
		t.Run(format.Name, func(t *testing.T) {
			t.Parallel()
			exported := 0
			rapid.Check(t, func(t *rapid.T) {
				at := services
				if format.Name == route.FormatOpenRouter {
					at = services[3:4]
				}
				if format.Name == route.FormatCloudflare {
					at = services[:4]
				}
				if format.Name == route.FormatEnvoy {
					at = services[:7]
				}
				r := drawTable(t, at)
				b, losses, err := route.Encode(r, format.Name)
				if err != nil {
					refusedWell(t, err)
					return
				}
				exported++
				sameRule(t, r, b, losses, format.Name)
				again, _, err := route.Encode(r, format.Name)
				if err != nil || string(again) != string(b) {
					t.Fatalf("the same table gives other bytes the second time: %v", err)
				}
			})
			if exported == 0 {
				t.Error("no drawn table could be exported: the property was not tested")
			}
		})
	}
}

// refusedWell checks that an export is refused for a reason that the user can act on.
func refusedWell(t *rapid.T, err error) {
	if eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" {
		t.Fatalf("refused without kind or hint: %v", err)
	}
	for _, reason := range []string{"wildcard", "would read a variable", "may not be called", "has no way to call"} {
		if strings.Contains(err.Error(), reason) {
			return
		}
	}
	t.Fatalf("refused for an unknown reason: %v", err)
}

func sameRule(t *rapid.T, r *route.Routes, b []byte, losses []route.Loss, format string) {
	found, err := route.Detect(b)
	if err != nil || found.Name != format {
		t.Fatalf("detected as %q: %v\n%s", found.Name, err, b)
	}
	d, err := route.Decode(b, format)
	if err != nil {
		t.Fatalf("read back: %v\n%s", err, b)
	}
	want, err := r.Rules()
	if err != nil {
		t.Fatal(err)
	}
	have, err := d.Routes.Rules()
	if err != nil {
		t.Fatal(err)
	}
	byType := make(map[string]route.Rule)
	for _, h := range have {
		byType[h.TaskType] = h
	}
	if len(byType) != len(want) {
		t.Fatalf("%d routes came back of %d\n%s", len(byType), len(want), b)
	}
	for _, w := range route.Strip(want, losses) {
		h, ok := byType[w.TaskType]
		if !ok {
			t.Fatalf("task type %q did not come back\n%s", w.TaskType, b)
		}
		if diff := cmp.Diff(jsonOf(t, w), jsonOf(t, h)); diff != "" {
			t.Fatalf("task type %q (-want +got):\n%s\n%s", w.TaskType, diff, b)
		}
	}
	if len(d.Edited) > 0 {
		t.Fatalf("taken for edited: %q\n%s", d.Edited, b)
	}
	if d.Source != nil {
		if diff := cmp.Diff(jsonOf(t, r), jsonOf(t, d.Source)); diff != "" && format != route.FormatInfer {
			t.Fatalf("the table that the file carries (-want +got):\n%s", diff)
		}
	}
}

func jsonOf(t *rapid.T, v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestInferLosesNothing checks that the neutral file is the whole table.
func TestInferLosesNothing(t *testing.T) {
	t.Parallel()
	for _, format := range []string{route.FormatInfer, route.FormatJSON} {
		b, losses, err := route.Encode(shop(), format)
		if err != nil || len(losses) > 0 {
			t.Fatalf("%s: %v %v", format, losses, err)
		}
		d, err := route.Decode(b, "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(shop(), d.Routes); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

// FuzzDecode feeds files to every reader: none may panic, and what is read can be
// written and read again.
func FuzzDecode(f *testing.F) {
	for _, format := range route.Formats() {
		r := tableFor(format.Name)
		r.Routes, r.Models, r.Undecided, r.Evidence = r.Routes[2:], r.Models[1:], nil, route.Evidence{}
		b, _, err := route.Encode(r, format.Name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, format.Name)
	}
	f.Add([]byte("model_list: [{model_name: infer/x, litellm_params: {model: openai/y}}]"), "litellm")
	f.Fuzz(func(t *testing.T, b []byte, format string) {
		_, _ = route.Decode(b, "")
		_, _, _ = route.Redirect(b, format, route.Detour{Timeout: 1000, Wait: 100, To: func(string, string) (string, string) { return "m", "http://127.0.0.1:1/v1" }})
		d, err := route.Decode(b, format)
		if err != nil {
			if eval.KindOf(err) != eval.KindInvalid {
				t.Fatalf("kind %v: %v", eval.KindOf(err), err)
			}
			return
		}
		if d.Routes.Validate() != nil {
			return
		}
		out, _, err := route.Encode(d.Routes, route.FormatJSON)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := route.Decode(out, route.FormatJSON); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}

// FuzzEncode puts one text into every place for a name: the file must parse, and
// hold the text as it is.
func FuzzEncode(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range route.FormatNames() {
			r := tableFor(format)
			r.Routes[2].TaskType, r.Routes[2].Review = s, s
			r.Models[1].Model = s
			b, _, err := route.Encode(r, format)
			if err != nil {
				if eval.KindOf(err) != eval.KindInvalid {
					t.Fatalf("%s: %v", format, err)
				}
				continue
			}
			d, err := route.Decode(b, format)
			if err != nil {
				t.Fatalf("%s: %v\n%s", format, err, b)
			}
			if d.Routes.Route(s) == nil {
				t.Fatalf("%s: %q did not come back\n%s", format, s, b)
			}
		}
	})
}

// TestDecodeNamesNoModel checks that an edited file which leaves open what model
// answers is refused as bad input, although the table it carries is whole.
func TestDecodeNamesNoModel(t *testing.T) {
	t.Parallel()
	r := tableFor(route.FormatEnvoy)
	b, _, err := route.Encode(r, route.FormatEnvoy)
	if err != nil {
		t.Fatal(err)
	}
	edited := bytes.Replace(b, []byte("modelNameOverride:"), []byte("modelName:"), 1)
	if bytes.Equal(b, edited) {
		t.Fatal("nothing to edit")
	}
	if _, err := route.Decode(edited, route.FormatEnvoy); eval.KindOf(err) != eval.KindInvalid || !strings.Contains(err.Error(), "modelNameOverride") {
		t.Errorf("%v", err)
	}
}

// TestDetectRefuses checks that other files are not taken for ours.
func TestDetectRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "{", "{}", "[]", "a: 1", "schema: infer.report/1", `{"schema":"infer.recommendation/1"}`, "x = 1", "A=b", "\x00\xff"} {
		if f, err := route.Detect([]byte(s)); err == nil || !errors.Is(err, route.ErrFormat) {
			t.Errorf("%q: detected as %q, %v", s, f.Name, err)
		}
	}
}
