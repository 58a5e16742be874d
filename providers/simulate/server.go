package simulate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"sync"
	"time"
)

// ServerOptions of a simulated server.
type ServerOptions struct {
	Seed    uint64
	Models  map[string]Model
	HangFor time.Duration // how long a hanging call hangs; 0 = until the client leaves
	Batch   time.Duration // how long a batch takes
}

// Server serves simulated models over OpenAI's chat-completions wire, plain,
// streamed and in batches, and over Anthropic's message batches. It counts what it
// was asked.
type Server struct {
	opts ServerOptions
	mux  *http.ServeMux

	mu      sync.Mutex
	seen    map[string]int // calls by model and prompt
	stats   Stats
	files   map[string][]byte // of batches
	batches []*batch          // oldest first
}

// Stats is what a server was asked since its start or the last reset.
type Stats struct {
	Requests     int64                     `json:"requests"`
	ByModel      map[string]map[string]int `json:"by_model"` // calls by model, then by outcome: "200", "429", "hang", …
	InputTokens  int64                     `json:"input_tokens"`
	OutputTokens int64                     `json:"output_tokens"`
	SentAgain    int64                     `json:"prompts_sent_again"`
	Batches      int64                     `json:"batches"` // begun; their calls are among the requests
}

var _ http.Handler = (*Server)(nil)

// NewServer returns a handler for the models.
func NewServer(o ServerOptions) *Server {
	s := &Server{opts: o, mux: http.NewServeMux()}
	s.reset()
	s.mux.HandleFunc("POST /v1/chat/completions", s.chat)
	s.mux.HandleFunc("GET /v1/models", s.models)
	s.serveBatches()
	s.mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Stats()) })
	s.mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		s.reset()
		writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
	})
	return s
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = make(map[string]int)
	s.stats = Stats{ByModel: make(map[string]map[string]int)}
	s.files, s.batches = make(map[string][]byte), nil
}

// Stats returns a copy of what was counted.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.stats
	c.ByModel = make(map[string]map[string]int, len(s.stats.ByModel))
	for m, outcomes := range s.stats.ByModel {
		c.ByModel[m] = make(map[string]int, len(outcomes))
		for k, n := range outcomes {
			c.ByModel[m][k] = n
		}
	}
	return c
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	names := make([]string, 0, len(s.opts.Models))
	for n := range s.opts.Models {
		names = append(names, n)
	}
	sort.Strings(names)
	data := make([]map[string]string, len(names))
	for i, n := range names {
		data[i] = map[string]string{"id": n, "object": "model"}
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": data})
}

// chatRequest is the part of a request that matters here.
type chatRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Stream        bool `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

var answerMark = regexp.MustCompile(`\[\[answer:(.*?)\]\]`)

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	var req chatRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 32<<20)).Decode(&req); err != nil || len(req.Messages) == 0 {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "a request needs model and messages")
		return
	}
	m, ok := s.opts.Models[req.Model]
	if !ok {
		writeError(w, http.StatusNotFound, "invalid_request_error", "model_not_found", "no such model")
		return
	}
	d := s.decide(&m, &req)
	if d.fault == "hang" {
		s.hang(r)
		return
	}
	if !pause(r, d.ttft) {
		return
	}
	switch {
	case d.fault == "reset":
		drop(w)
	case d.fault == "malformed":
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"choices":[{"message":`)
	case refused(w, d.fault):
	case req.Stream:
		stream(w, r, &req, d, m.TokenTime)
	default:
		if pause(r, d.total-d.ttft) {
			text, finish := d.final()
			writeJSON(w, http.StatusOK, completion(req.Model, text, finish, &d))
		}
	}
}

// decide draws what a request comes to, and counts it.
func (s *Server) decide(m *Model, req *chatRequest) draw {
	prompt := textOf(req.Messages[len(req.Messages)-1].Content)
	correct := "ok"
	if a := answerMark.FindStringSubmatch(prompt); a != nil {
		correct = a[1]
	}
	d := m.draw(s.opts.Seed, req.Model, prompt, "", correct, 0, s.count(req.Model, prompt))
	d.in = 0
	for _, msg := range req.Messages {
		d.in += tokens(textOf(msg.Content))
	}
	s.note(req.Model, d)
	return d
}

// count returns how often the prompt was asked before.
func (s *Server) count(model, prompt string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := model + "\x00" + prompt
	n := s.seen[key]
	s.seen[key]++
	if n > 0 {
		s.stats.SentAgain++
	}
	return n
}

func (s *Server) note(model string, d draw) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	if s.stats.ByModel[model] == nil {
		s.stats.ByModel[model] = make(map[string]int)
	}
	outcome := d.fault
	if outcome == "" {
		outcome = "200"
	}
	s.stats.ByModel[model][outcome]++
	switch d.fault {
	case "", "filter", "refusal", "length", "empty":
		s.stats.InputTokens += d.in
		s.stats.OutputTokens += d.out
	}
}

func (s *Server) hang(r *http.Request) {
	if s.opts.HangFor > 0 {
		pause(r, s.opts.HangFor)
		return
	}
	<-r.Context().Done()
}

// pause waits, and reports false where the client left.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// drop closes the connection without an answer.
func drop(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if c, _, err := h.Hijack(); err == nil {
			_ = c.Close()
			return
		}
	}
	panic(http.ErrAbortHandler)
}
