package simulate

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxFile = 256 << 20 // bytes of a batch
	maxForm = 1 << 20   // bytes of an upload beside its file
)

// batch is one that was begun. Its calls were made at once; that they are done shows
// when it has ended.
type batch struct {
	id       string
	created  time.Time
	calls    int
	ok       int               // calls with an answer
	late     int               // Anthropic: calls that it was too late for
	out      []byte            // results, one a line
	failed   []byte            // OpenAI: those of calls without an answer
	files    [2]string         // OpenAI: names of out and failed; "" = empty
	refused  string            // OpenAI: why it was not begun
	metadata map[string]string // OpenAI
}

func (s *Server) serveBatches() {
	s.mux.HandleFunc("POST /v1/files", s.upload)
	s.mux.HandleFunc("GET /v1/files/{id}/content", s.content)
	s.mux.HandleFunc("POST /v1/batches", s.beginOpenAI)
	s.mux.HandleFunc("GET /v1/batches", s.listOpenAI)
	s.mux.HandleFunc("GET /v1/batches/{id}", s.oneOpenAI)
	s.mux.HandleFunc("POST /v1/messages/batches", s.beginAnthropic)
	s.mux.HandleFunc("GET /v1/messages/batches", s.listAnthropic)
	s.mux.HandleFunc("GET /v1/messages/batches/{id}", s.oneAnthropic)
	s.mux.HandleFunc("GET /v1/messages/batches/{id}/results", s.resultsAnthropic)
}

// begin keeps a batch under a new name.
func (s *Server) begin(b *batch, prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.id, b.created = prefix+strconv.Itoa(len(s.batches)+1), time.Now()
	s.batches = append(s.batches, b)
	s.stats.Batches++
}

// batch returns the batch of that name, and whether it has ended.
func (s *Server) batch(id string) (b *batch, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.batches {
		if b.id == id {
			return b, time.Since(b.created) >= s.opts.Batch
		}
	}
	return nil, false
}

// What the names of batches begin with.
const (
	openaiBatch    = "batch_"
	anthropicBatch = "msgbatch_"
)

// newest lists the batches of one kind, newest first.
func (s *Server) newest(kind string) []*batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(s.batches), func(b *batch) bool { return !strings.HasPrefix(b.id, kind) })
	slices.Reverse(list)
	return list
}

// late reports whether a call of a batch came to nothing.
func (d *draw) late() bool {
	return slices.Contains([]string{"hang", "reset", "cut", "malformed"}, d.fault)
}

func appendLine(b []byte, v any) []byte {
	line, err := json.Marshal(v)
	if err != nil {
		panic(err) // made of what was just read or written as JSON
	}
	return append(append(b, line...), '\n')
}
