package cmd_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"
)

// judgeServer is an OpenAI-style server for scripts. Its model "judge" passes an
// answer that holds the word in capitals of the rule, "mute" gives no verdict,
// and an embedding counts the letters a to e. GET /count says how many calls came.
func judgeServer(e *testscript.Env) string {
	var calls atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, calls.Load()) })
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var req struct {
			Model    string
			Messages []struct{ Role, Content string }
		}
		b, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(b, &req)
		text := "I cannot say."
		if req.Model == "judge" && len(req.Messages) > 0 {
			text = verdictOn(req.Messages[len(req.Messages)-1].Content)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"model": req.Model, "usage": map[string]int{"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
			"choices": []any{map[string]any{"finish_reason": "stop", "message": map[string]string{"role": "assistant", "content": text}}}})
	})
	mux.HandleFunc("POST /v1/embeddings", func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		var req struct{ Model, Input string }
		b, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(b, &req)
		v := make([]int, 5)
		for i := range v {
			v[i] = strings.Count(req.Input, string(rune('a'+i)))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"model": req.Model, "usage": map[string]int{"prompt_tokens": 3, "total_tokens": 3}, "data": []any{map[string]any{"embedding": v}}})
	})
	srv := httptest.NewServer(mux)
	e.Defer(srv.Close)
	return srv.URL
}

var (
	ruleWord = regexp.MustCompile(`THE RULE\n[^\n]*?\b([A-Z]{3,})\b`)
	judged   = regexp.MustCompile(`(?s)THE ANSWER TO JUDGE\n<<<[0-9a-f]+\n(.*?)\n[0-9a-f]+>>>`)
)

func verdictOn(question string) string {
	word, answer, label := ruleWord.FindStringSubmatch(question), judged.FindStringSubmatch(question), "fail"
	if word != nil && answer != nil && strings.Contains(strings.ToUpper(answer[1]), word[1]) {
		label = "pass"
	}
	code := regexp.MustCompile(`(?m)^VERDICT (`+label+`-\S+)`).FindAllStringSubmatch(question, -1)
	if code == nil {
		return "no such verdict"
	}
	return "It is as it is.\nVERDICT " + code[len(code)-1][1]
}
