package gemini

import (
	"encoding/json"
	"fmt"
	"strings"

	"infer/eval"
	"infer/providers"
)

// object is a JSON object.
type object = map[string]any

// content is one turn of the conversation.
type content struct {
	Role  string   `json:"role"`
	Parts []object `json:"parts"`
}

// unsigned stands for the signature of a function call that this model did not
// write itself, in Google's own word for it. Gemini 3 refuses calls without one.
const unsigned = "skip_thought_signature_validator"

// encode writes the request body.
func encode(req *eval.Request) ([]byte, error) {
	contents, system, err := contents(req)
	if err != nil {
		return nil, err
	}
	body := object{"contents": contents}
	if system != "" {
		body["systemInstruction"] = object{"parts": []object{{"text": system}}}
	}
	if err := tools(body, req.Tools); err != nil {
		return nil, err
	}
	generation := object{}
	if err := params(body, generation, req.Params); err != nil {
		return nil, err
	}
	f, err := providers.FormatOf(req.ResponseFormat)
	if err != nil {
		return nil, err
	}
	if f.Kind != "" {
		generation["responseMimeType"] = "application/json"
	}
	if f.Schema != nil {
		generation["responseJsonSchema"] = f.Schema
	}
	if len(generation) > 0 {
		body["generationConfig"] = generation
	}
	return json.Marshal(body)
}

// contents writes the conversation. Turns of one role that follow each other
// become one; system messages inside it join the system prompt, their only
// place.
func contents(req *eval.Request) ([]content, string, error) {
	var out []content
	var system []string
	if req.System != "" {
		system = append(system, req.System)
	}
	var open []eval.ToolCall // calls of the last model turn without a result so far
	for i := range req.Messages {
		m := &req.Messages[i]
		var c content
		var err error
		switch m.Role {
		case "system", "developer":
			system = append(system, m.Text())
			continue
		case "user":
			c.Role = "user"
			c.Parts, err = parts(m)
		case "assistant":
			c.Role, open = "model", m.ToolCalls
			c.Parts, err = turn(m, strings.Contains(req.Model, "gemini-3"))
		case "tool":
			c.Role = "user"
			c.Parts, open, err = result(m, open)
		default:
			err = fmt.Errorf("a message has the role %q, which this wire does not know", eval.Untrusted(m.Role).Line(40))
		}
		if err != nil {
			return nil, "", err
		}
		if n := len(out); n > 0 && out[n-1].Role == c.Role {
			out[n-1].Parts = append(out[n-1].Parts, c.Parts...)
			continue
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		return nil, "", providers.Content("there are no messages")
	}
	return out, strings.Join(system, "\n\n"), nil
}

func parts(m *eval.Message) ([]object, error) {
	out := make([]object, 0, len(m.Parts)+len(m.ToolCalls))
	for i := range m.Parts {
		switch p := &m.Parts[i]; {
		case p.Type == eval.PartText:
			out = append(out, object{"text": p.Text})
		case p.Data != nil:
			out = append(out, object{"inlineData": object{"mimeType": providers.MIMEOf(p), "data": p.Data}})
		case p.URL != "":
			file := object{"fileUri": p.URL}
			if p.MIME != "" {
				file["mimeType"] = p.MIME
			}
			out = append(out, object{"fileData": file})
		default:
			return nil, providers.Content("a %s part has no contents", p.Type)
		}
	}
	return out, nil
}

// turn writes what the model said and called.
func turn(m *eval.Message, wantsSignature bool) ([]object, error) {
	out, err := parts(m)
	if err != nil {
		return nil, err
	}
	signed := !wantsSignature
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		args, err := providers.JSONObject(c)
		if err != nil {
			return nil, err
		}
		call := object{"name": c.Name, "args": args}
		if c.ID != "" {
			call["id"] = c.ID
		}
		part := object{"functionCall": call}
		if c.Signature != "" {
			part["thoughtSignature"], signed = c.Signature, true
		} else if !signed {
			part["thoughtSignature"], signed = unsigned, true // only the first call of a turn carries one
		}
		out = append(out, part)
	}
	return out, nil
}

// result writes the result of a call. The wire wants the function's name; where
// the message does not give it, it is that of the call with its id, or of the
// first that still waits.
func result(m *eval.Message, open []eval.ToolCall) ([]object, []eval.ToolCall, error) {
	at := 0
	for i := range open {
		if m.ToolCallID != "" && open[i].ID == m.ToolCallID {
			at = i
		}
	}
	name := m.Name
	if len(open) > 0 {
		name = open[at].Name
		open = append(append([]eval.ToolCall(nil), open[:at]...), open[at+1:]...)
	}
	if name == "" {
		return nil, nil, providers.Content("a tool result follows no call")
	}
	text := m.Text()
	var response any = object{"result": text}
	if t := strings.TrimSpace(text); strings.HasPrefix(t, "{") && json.Valid([]byte(t)) {
		response = json.RawMessage(t)
	}
	out := object{"name": name, "response": response}
	if m.ToolCallID != "" {
		out["id"] = m.ToolCallID
	}
	return []object{{"functionResponse": out}}, open, nil
}

func tools(body object, raw json.RawMessage) error {
	list, err := providers.ToolsOf(raw)
	if err != nil {
		return err
	}
	var functions, out []any
	for _, t := range list {
		if t.Raw != nil {
			out = append(out, t.Raw)
			continue
		}
		f := object{"name": t.Name}
		if t.Description != "" {
			f["description"] = t.Description
		}
		if t.Parameters != nil {
			f["parametersJsonSchema"] = t.Parameters
		}
		functions = append(functions, f)
	}
	if len(functions) > 0 {
		out = append([]any{object{"functionDeclarations": functions}}, out...)
	}
	if len(out) > 0 {
		body["tools"] = out
	}
	return nil
}

// renamed are parameters that the API has under another name.
var renamed = map[string]string{
	"max_tokens": "maxOutputTokens", "max_completion_tokens": "maxOutputTokens", "max_output_tokens": "maxOutputTokens",
	"top_p": "topP", "top_k": "topK", "n": "candidateCount", "presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty",
	"logprobs": "responseLogprobs", "top_logprobs": "logprobs",
}

// outside are parameters that stand beside generationConfig.
var outside = map[string]bool{"safetySettings": true, "cachedContent": true, "toolConfig": true, "labels": true, "serviceTier": true, "service_tier": true, "store": true}

func params(body, generation object, ps eval.Params) error {
	names, err := providers.ParamNames(ps, "model", "contents", "systemInstruction", "tools", "stream", "messages", "response_format")
	if err != nil {
		return err
	}
	for _, name := range names {
		v := ps[name]
		switch {
		case name == "stop":
			stops, err := providers.StringList(v)
			if err != nil {
				return fmt.Errorf("params: stop: %w", err)
			}
			generation["stopSequences"] = stops
		case name == "tool_choice":
			if err := toolChoice(body, v); err != nil {
				return err
			}
		case name == "generationConfig":
			var more object
			if err := json.Unmarshal(v, &more); err != nil {
				return fmt.Errorf("params: generationConfig: %w", err)
			}
			for k, x := range more {
				generation[k] = x
			}
		case name == "stream_options": // OpenAI's alone: usage always comes here
		case outside[name]:
			body[name] = v
		case renamed[name] != "":
			generation[renamed[name]] = v
		default:
			generation[name] = v
		}
	}
	return nil
}

func toolChoice(body object, raw json.RawMessage) error {
	mode, function, err := providers.ToolChoice(raw)
	if err != nil {
		return err
	}
	config := object{"mode": map[string]string{"auto": "AUTO", "none": "NONE", "required": "ANY", "function": "ANY"}[mode]}
	if function != "" {
		config["allowedFunctionNames"] = []string{function}
	}
	body["toolConfig"] = object{"functionCallingConfig": config}
	return nil
}
