package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
)

// upload keeps a file.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFile+maxForm)
	f, _, err := r.FormFile("file")
	if err != nil || r.FormValue("purpose") != "batch" {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "a file needs a purpose and a file")
		return
	}
	defer f.Close() //nolint:errcheck // it was read
	b, err := io.ReadAll(f)
	if err != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "the file did not come whole")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"id": s.file(b), "object": "file", "purpose": "batch", "bytes": len(b)})
}

// file keeps a file under a new name.
func (s *Server) file(b []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := "file-" + strconv.Itoa(len(s.files)+1)
	s.files[id] = b
	return id
}

func (s *Server) content(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	b, ok := s.files[r.PathValue("id")]
	s.mu.Unlock()
	if !ok {
		writeError(w, http.StatusNotFound, "invalid_request_error", "", "no such file")
		return
	}
	_, _ = w.Write(b)
}

func (s *Server) beginOpenAI(w http.ResponseWriter, r *http.Request) {
	var req struct {
		File     string            `json:"input_file_id"`
		Endpoint string            `json:"endpoint"`
		Window   string            `json:"completion_window"`
		Metadata map[string]string `json:"metadata"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxForm)).Decode(&req)
	s.mu.Lock()
	in, ok := s.files[req.File]
	s.mu.Unlock()
	if err != nil || !ok || req.Endpoint != "/v1/chat/completions" || req.Window != "24h" {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "invalid_value", "a batch needs an input file, /v1/chat/completions as its endpoint and 24h as its window")
		return
	}
	b := &batch{metadata: req.Metadata}
	for n, line := range bytes.Split(bytes.TrimSpace(in), []byte("\n")) {
		b.calls++
		var call struct {
			ID   string      `json:"custom_id"`
			Body chatRequest `json:"body"`
		}
		if json.Unmarshal(line, &call) != nil || call.ID == "" || len(call.Body.Messages) == 0 || call.Body.Stream {
			b.refused = fmt.Sprintf("line %d is no request", n+1)
			break
		}
		m, ok := s.opts.Models[call.Body.Model]
		if !ok {
			b.refused = "no such model"
			break
		}
		s.callOpenAI(b, call.ID, &m, &call.Body)
	}
	for i, content := range [][]byte{b.out, b.failed} {
		if len(content) > 0 {
			b.files[i] = s.file(content)
		}
	}
	s.begin(b, openaiBatch)
	s.writeOpenAI(w, b)
}

// callOpenAI makes one call of a batch. A call that hangs, breaks off or is cut is
// one that the batch is too late for.
func (s *Server) callOpenAI(b *batch, id string, m *Model, req *chatRequest) {
	d := s.decide(m, req)
	line := map[string]any{"id": "batch_req_" + id, "custom_id": id, "response": nil, "error": nil}
	rec := httptest.NewRecorder()
	switch {
	case d.late():
		line["error"] = map[string]string{"code": "batch_expired", "message": "this request could not be executed before the completion window expired"}
	case !refused(rec, d.fault):
		text, finish := d.final()
		writeJSON(rec, http.StatusOK, completion(req.Model, text, finish, &d))
	}
	if line["error"] == nil {
		line["response"] = map[string]any{"status_code": rec.Code, "request_id": "req_" + id, "body": json.RawMessage(rec.Body.Bytes())}
	}
	dest := &b.out
	if rec.Code != http.StatusOK || line["error"] != nil {
		dest = &b.failed
	} else {
		b.ok++
	}
	*dest = appendLine(*dest, line)
}

func (s *Server) oneOpenAI(w http.ResponseWriter, r *http.Request) {
	b, _ := s.batch(r.PathValue("id"))
	if b == nil {
		writeError(w, http.StatusNotFound, "invalid_request_error", "", "no such batch")
		return
	}
	s.writeOpenAI(w, b)
}

func (s *Server) writeOpenAI(w http.ResponseWriter, b *batch) {
	writeJSON(w, http.StatusOK, s.stateOpenAI(b))
}

func (s *Server) stateOpenAI(b *batch) map[string]any {
	_, ended := s.batch(b.id)
	state := map[string]any{"id": b.id, "object": "batch", "status": "in_progress", "metadata": b.metadata, "created_at": b.created.Unix(),
		"request_counts": map[string]int{"total": b.calls, "completed": 0, "failed": 0}}
	switch {
	case b.refused != "":
		state["status"] = "failed"
		state["errors"] = map[string]any{"object": "list", "data": []any{map[string]string{"code": "model_not_found", "message": b.refused}}}
	case ended:
		state["status"] = "completed"
		state["request_counts"] = map[string]int{"total": b.calls, "completed": b.ok, "failed": b.calls - b.ok}
		for i, name := range []string{"output_file_id", "error_file_id"} {
			if b.files[i] != "" {
				state[name] = b.files[i]
			}
		}
	}
	return state
}

func (s *Server) listOpenAI(w http.ResponseWriter, _ *http.Request) {
	list := make([]any, 0)
	for _, b := range s.newest(openaiBatch) {
		list = append(list, s.stateOpenAI(b))
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": list, "has_more": false})
}
