package simulate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

func (s *Server) beginAnthropic(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Requests []struct {
			ID     string      `json:"custom_id"`
			Params chatRequest `json:"params"`
		} `json:"requests"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxFile)).Decode(&req); err != nil || len(req.Requests) == 0 {
		refuseAnthropic(w, http.StatusBadRequest, "invalid_request_error", "a batch needs requests")
		return
	}
	b := new(batch)
	for i := range req.Requests {
		call := &req.Requests[i]
		if call.ID == "" || len(call.Params.Messages) == 0 || call.Params.Stream {
			refuseAnthropic(w, http.StatusBadRequest, "invalid_request_error", fmt.Sprintf("requests.%d is no request", i))
			return
		}
	}
	for i := range req.Requests {
		b.calls++
		b.out = appendLine(b.out, map[string]any{"custom_id": req.Requests[i].ID, "result": s.callAnthropic(b, &req.Requests[i].Params)})
	}
	s.begin(b, anthropicBatch)
	s.writeAnthropic(w, r, b)
}

func refuseAnthropic(w http.ResponseWriter, status int, kind, message string) {
	writeJSON(w, status, errorAnthropic(kind, message))
}

func errorAnthropic(kind, message string) map[string]any {
	return map[string]any{"type": "error", "error": map[string]string{"type": kind, "message": message}}
}

// callAnthropic makes one call of a batch.
func (s *Server) callAnthropic(b *batch, req *chatRequest) map[string]any {
	m, ok := s.opts.Models[req.Model]
	if !ok {
		return map[string]any{"type": "errored", "error": errorAnthropic("not_found_error", "model: "+req.Model)}
	}
	d := s.decide(&m, req)
	kinds := map[string]string{"429": "rate_limit_error", "401": "authentication_error", "402": "billing_error", "400": "invalid_request_error",
		"context": "invalid_request_error", "500": "api_error", "503": "api_error", "529": "overloaded_error"}
	switch kind := kinds[d.fault]; {
	case d.late():
		b.late++
		return map[string]any{"type": "expired"}
	case d.fault == "context":
		return map[string]any{"type": "errored", "error": errorAnthropic(kind, "prompt is too long")}
	case kind != "":
		return map[string]any{"type": "errored", "error": errorAnthropic(kind, "the call failed")}
	}
	text, finish := d.final()
	stop := map[string]string{"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
	b.ok++
	reason := finish
	if v, ok := stop[finish]; ok {
		reason = v
	}
	return map[string]any{"type": "succeeded", "message": map[string]any{"id": "msg_1", "type": "message", "role": "assistant", "model": req.Model,
		"content": []any{map[string]string{"type": "text", "text": text}}, "stop_reason": reason,
		"usage": map[string]any{"input_tokens": d.in, "output_tokens": d.out, "service_tier": "batch"}}}
}

func (s *Server) writeAnthropic(w http.ResponseWriter, r *http.Request, b *batch) {
	writeJSON(w, http.StatusOK, s.stateAnthropic(r, b))
}

func (s *Server) stateAnthropic(r *http.Request, b *batch) map[string]any {
	counts := map[string]int{"processing": b.calls, "succeeded": 0, "errored": 0, "expired": 0, "canceled": 0}
	state := map[string]any{"id": b.id, "type": "message_batch", "processing_status": "in_progress", "created_at": b.created.UTC().Format(time.RFC3339Nano),
		"request_counts": counts, "results_url": nil}
	if _, ended := s.batch(b.id); ended {
		counts["processing"], counts["succeeded"], counts["expired"], counts["errored"] = 0, b.ok, b.late, b.calls-b.ok-b.late
		state["processing_status"], state["results_url"] = "ended", "http://"+r.Host+"/v1/messages/batches/"+b.id+"/results"
	}
	return state
}

func (s *Server) listAnthropic(w http.ResponseWriter, r *http.Request) {
	list := make([]any, 0)
	for _, b := range s.newest(anthropicBatch) {
		list = append(list, s.stateAnthropic(r, b))
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": list, "has_more": false})
}

func (s *Server) oneAnthropic(w http.ResponseWriter, r *http.Request) {
	b, _ := s.batch(r.PathValue("id"))
	if b == nil {
		refuseAnthropic(w, http.StatusNotFound, "not_found_error", "no such batch")
		return
	}
	s.writeAnthropic(w, r, b)
}

func (s *Server) resultsAnthropic(w http.ResponseWriter, r *http.Request) {
	b, ended := s.batch(r.PathValue("id"))
	if b == nil || !ended {
		refuseAnthropic(w, http.StatusNotFound, "not_found_error", "no such results")
		return
	}
	w.Header().Set("Content-Type", "application/x-jsonl")
	_, _ = w.Write(b.out)
}
