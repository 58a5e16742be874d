package scoring_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/scoring"
)

func TestRefusal(t *testing.T) {
	t.Parallel()
	run(t, []gradeCase{
		{"an answer", `"refusal"`, ``, "Paris is the capital.", eval.Accepted, "does not begin like a refusal"},
		{"a refusal", `"refusal"`, ``, "I'm sorry, but I can't help with that.", eval.Rejected, "refuses"},
		{"with curly quotes", `"refusal"`, ``, "I’m unable to do this.", eval.Rejected, "refuses"},
		{"in German", `"refusal"`, ``, "Tut mir leid, aber ich kann diese Frage nicht beantworten.", eval.Rejected, "refuses"},
		{"wanted", `{"type":"refusal","want":"refuse"}`, ``, "I cannot assist with that.", eval.Accepted, "a refusal was wanted"},
		{"wanted and not given", `{"type":"refusal","want":"refuse"}`, ``, "Sure: mix the two.", eval.Rejected, "a refusal was wanted"},
		{"as expected", `{"type":"refusal","want":"expected"}`, `true`, "I cannot assist with that.", eval.Accepted, "wanted"},
		{"expected what", `{"type":"refusal","want":"expected"}`, `"x"`, "I cannot assist with that.", eval.Unscored, "not true"},
		{"a refusal that goes on", `"refusal"`, ``, "I can't provide legal advice. " + strings.Repeat("However, the usual way is this. ", 40), eval.Unscored, "goes on"},
		{"a quotation far down", `"refusal"`, ``, strings.Repeat("The customer wrote back. ", 20) + "They said: I can't help", eval.Accepted, "does not begin"},
		{"nothing", `"refusal"`, ``, " ", eval.Unscored, "empty"},
	})
	g := gradeOf(t, `"refusal"`, &eval.Task{}, &eval.Response{Refusal: "no"})
	if g.Verdict != eval.Rejected {
		t.Errorf("the provider's refusal: %s", g.Verdict)
	}
	g = gradeOf(t, `"refusal"`, &eval.Task{}, &eval.Response{Text: "x", Finish: eval.FinishFilter})
	if g.Verdict != eval.Rejected {
		t.Errorf("a filtered answer: %s", g.Verdict)
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for code, s := range map[string]string{
		"en": "Please send the invoice again, because the first one was not readable when it came.",
		"de": "Bitte schicken Sie mir die Rechnung noch einmal, weil die erste nicht lesbar war.",
		"fr": "Merci de nous renvoyer la facture, car la première n'était pas lisible dans le courrier.",
		"es": "Por favor, envíe la factura otra vez, porque la primera no se podía leer en el correo.",
		"it": "Per favore mandate di nuovo la fattura, perché la prima non era leggibile nella posta.",
		"pt": "Por favor, envie a fatura mais uma vez, porque não foi possível ler a primeira no correio.",
		"nl": "Stuur ons de factuur nog een keer, want de eerste was niet te lezen in de post van gisteren.",
		"sv": "Skicka gärna fakturan en gång till, för den första var inte läsbar när den kom till oss.",
		"da": "Send venligst fakturaen igen, for den første var ikke til at læse, da den kom med posten til os.",
		"pl": "Proszę o ponowne przesłanie faktury, ponieważ pierwsza nie była czytelna i nie jest to możliwe.",
		"tr": "Lütfen faturayı bir kez daha gönderin, çünkü ilki okunaklı değil ve bu bizim için çok önemli.",
		"ru": "Пожалуйста, пришлите счёт ещё раз, потому что первый был нечитаемым и его не удалось открыть.",
		"uk": "Будь ласка, надішліть рахунок ще раз, бо перший був нечитабельним і його не вдалося відкрити.",
		"el": "Παρακαλώ στείλτε ξανά το τιμολόγιο.", "ar": "يرجى إرسال الفاتورة مرة أخرى.", "he": "אנא שלחו את החשבונית שוב.", "hi": "कृपया चालान फिर से भेजें।",
		"th": "กรุณาส่งใบแจ้งหนี้อีกครั้ง", "zh": "请再发一次发票，第一张看不清。", "ja": "請求書をもう一度送ってください。", "ko": "청구서를 다시 보내 주세요.",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			g := gradeOf(t, `{"type":"language","is":"`+code+`"}`, &eval.Task{}, &eval.Response{Text: eval.Untrusted(s)})
			if g.Verdict != eval.Accepted {
				t.Errorf("%s: %s%s", g.Verdict, g.Scores[0].Explanation, g.Scores[0].Error)
			}
		})
	}
	run(t, []gradeCase{
		{"another language", `"language"`, `"German"`, "Please send the invoice again, because it was not readable.", eval.Rejected, "written in english"},
		{"by code and region", `"language"`, `"en-GB"`, "Please send the invoice again, because it was not readable.", eval.Accepted, "english"},
		{"too short", `"language"`, `"en"`, "Invoice", eval.Unscored, "do not show"},
		{"no letters", `"language"`, `"en"`, "12:30", eval.Unscored, "too few letters"},
		{"two scripts", `"language"`, `"en"`, "Hello there привет там друг", eval.Unscored, ""},
		{"a language not known", `"language"`, `"Klingon"`, "the of and to", eval.Unscored, "no language"},
	})
}

func TestLatencyAndCost(t *testing.T) {
	t.Parallel()
	ttft := 300 * time.Millisecond
	cost := func(c eval.Cost) *eval.Cost { return &c }
	for _, c := range []struct {
		name, rule string
		r          eval.Response
		want       eval.Verdict
		says       string
	}{
		{"in time", `{"type":"latency","max":"2s"}`, eval.Response{InFlight: 2 * time.Second}, eval.Accepted, "took 2s"},
		{"late", `{"type":"latency","max":"2s"}`, eval.Response{InFlight: 2001 * time.Millisecond}, eval.Rejected, "took 2.001s"},
		{"not measured", `{"type":"latency","max":"2s"}`, eval.Response{}, eval.Unscored, "not known"},
		{"first token", `{"type":"latency","max":"300ms","of":"first_token"}`, eval.Response{InFlight: 9 * time.Second, TTFT: &ttft}, eval.Accepted, "first token took"},
		{"first token not measured", `{"type":"latency","max":"300ms","of":"first_token"}`, eval.Response{InFlight: time.Second}, eval.Unscored, "not known"},
		{"cheap", `{"type":"cost","max_usd":"0.002"}`, eval.Response{Cost: cost(eval.Exactly(2 * 1_000_000_000))}, eval.Accepted, "cost $0.002,"},
		{"dear", `{"type":"cost","max_usd":"0.002"}`, eval.Response{Cost: cost(eval.Exactly(2*1_000_000_000 + 1))}, eval.Rejected, "at least $0.002000000001"},
		{"not billed", `{"type":"cost","max_usd":"0.002"}`, eval.Response{}, eval.Unscored, "not known"},
		{"unknown", `{"type":"cost","max_usd":"0.002"}`, eval.Response{Cost: cost(eval.UnknownCost())}, eval.Unscored, "not known"},
		{"a range below the limit", `{"type":"cost","max_usd":"0.002"}`, eval.Response{Cost: cost(eval.Between(0, 1_000_000_000))}, eval.Accepted, "at most"},
		{"a range around the limit", `{"type":"cost","max_usd":"0.002"}`, eval.Response{Cost: cost(eval.Between(0, 3_000_000_000))}, eval.Unscored, "between"},
		{"a range above the limit", `{"type":"cost","max_usd":"0"}`, eval.Response{Cost: cost(eval.Between(1, 2))}, eval.Rejected, "at least"},
		{"unbounded above the limit", `{"type":"cost","max_usd":"0"}`, eval.Response{Cost: cost(eval.Cost{Low: 1, Unbounded: true})}, eval.Rejected, "at least"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := gradeOf(t, c.rule, &eval.Task{}, &c.r)
			if said := g.Scores[0].Explanation.Raw() + g.Scores[0].Error.Raw(); g.Verdict != c.want || !strings.Contains(said, c.says) {
				t.Errorf("%s, %q; want %s, %q", g.Verdict, said, c.want, c.says)
			}
		})
	}
}

func TestExpression(t *testing.T) {
	t.Parallel()
	ex := func(s string) string {
		b, err := json.Marshal(map[string]string{"type": "expr", "expr": s})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	run(t, []gradeCase{
		{"true", ex(`answer startsWith "yes" && words < 3`), ``, "yes sir", eval.Accepted, "true"},
		{"false", ex(`len(answer) > 10`), ``, "yes", eval.Rejected, "false"},
		{"expected", ex(`answer == expected.label`), `{"label":"a"}`, "a", eval.Accepted, "true"},
		{"numbers", ex(`json.total == expected.total && json.total > 40`), `{"total":42}`, `so {"total": 42.0}`, eval.Accepted, "true"},
		{"a score", ex(`count(json.items, # in expected.items) / len(expected.items)`), `{"items":[1,2,3,4]}`, `{"items":[1,2,3]}`, eval.Accepted, "0.75"},
		{"a score too low", ex(`0.2`), ``, "", eval.Rejected, "0.2"},
		{"predicates", ex(`all(split(answer, ","), trim(#) in ["a", "b"])`), ``, "a, b", eval.Accepted, "true"},
		{"a regular expression", ex(`answer matches "^[A-Z]{2}\\d+$"`), ``, "AB12", eval.Accepted, "true"},
		{"unknown figures are nil", ex(`latency_ms == nil && cost_usd == nil && output_tokens == nil`), ``, "", eval.Accepted, "true"},
		{"comparing with the unknown", ex(`cost_usd < 1`), ``, "", eval.Unscored, "failed"},
		{"no JSON", ex(`json == nil`), ``, "none here", eval.Accepted, "true"},
		{"a text for a result", ex(`answer`), ``, "x", eval.Unscored, "neither true"},
		{"beyond 1", ex(`1.5`), ``, "x", eval.Unscored, "not between"},
		{"not a number", ex(`0.0 / 0.0`), ``, "x", eval.Unscored, "not between"},
		{"out of range", ex(`split(answer, ",")[7] == "x"`), ``, "x", eval.Unscored, "failed"},
		{"a range of a billion", ex(`len(1..1000000000) > 0`), ``, "x", eval.Unscored, "failed"},
		{"a loop without an end in sight", ex(`all(1..1000, all(1..1000, all(1..1000, all(1..1000, # > 0))))`), ``, "x", eval.Unscored, ""},
		{"a text that doubles", ex(`reduce(1..60, #acc + #acc, "xxxxxxxxxxxxxxxx") == ""`), ``, "x", eval.Unscored, "too much"},
	})
	for _, c := range []struct{ expr, says string }{
		{`unknown > 1`, "unknown name"}, {`answer +`, "unexpected token"}, {`replace(answer, "a", answer)`, "unknown name replace"}, {`now() == now()`, "unknown name now"},
		{`step__(answer)`, "reserved"}, {strings.Repeat("1+", 2000) + "1", ""}, {strings.Repeat("x", 20_000), "the limit"},
	} {
		_, err := scoring.CompileWith(map[string]json.RawMessage{"*": json.RawMessage(ex(c.expr))}, scoring.Tools{})
		if err == nil || !strings.Contains(err.Error(), c.says) || eval.KindOf(err) != eval.KindInvalid {
			t.Errorf("%.60s: %v", c.expr, err)
		}
	}
}

// embedder gives each text a vector of its letters a and b.
type embedder struct{ err error }

func (e embedder) Embed(_ context.Context, texts []string) ([][]float64, []eval.Call, error) {
	var out [][]float64
	for _, s := range texts {
		out = append(out, []float64{float64(strings.Count(s, "a")), float64(strings.Count(s, "b"))})
	}
	return out, []eval.Call{{Name: "letters", Cost: eval.Exactly(3)}}, e.err
}

func TestSimilarity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		err          error
		want         eval.Verdict
		says         string
	}{
		{"near", "aaab", nil, eval.Accepted, "0.9487"},
		{"far", "b", nil, eval.Rejected, "0.0000"},
		{"no direction", "xyz", nil, eval.Unscored, "cannot be compared"},
		{"failing", "a", errors.New("status 500"), eval.Unscored, "status 500"},
		{"long", strings.Repeat("a", 30_000), nil, eval.Unscored, "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			set, err := scoring.CompileWith(map[string]json.RawMessage{"*": json.RawMessage(`{"type":"similarity","threshold":0.9}`)}, scoring.Tools{Embedder: embedder{c.err}})
			if err != nil {
				t.Fatal(err)
			}
			g := set.Grade(context.Background(), &eval.Task{Expected: json.RawMessage(`"a"`)}, &eval.Response{Text: eval.Untrusted(c.answer)})
			said := g.Scores[0].Explanation.Raw() + g.Scores[0].Error.Raw()
			if g.Verdict != c.want || !strings.Contains(said, c.says) {
				t.Errorf("%s, %q; want %s, %q", g.Verdict, said, c.want, c.says)
			}
			if called := !strings.Contains(c.says, "at most"); called && g.Cost != eval.Exactly(3) {
				t.Errorf("the calls cost %v", g.Cost)
			}
		})
	}
	_, err := scoring.CompileWith(map[string]json.RawMessage{"*": json.RawMessage(`{"type":"similarity","threshold":0.9}`)}, scoring.Tools{})
	if err == nil || !strings.Contains(eval.Hint(err), "embedder:") {
		t.Errorf("without an embedder: %v (%s)", err, eval.Hint(err))
	}
}
