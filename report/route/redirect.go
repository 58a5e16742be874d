package route

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"

	"infer/eval"
)

// Detour says where a drill sends what a file would send to a provider.
type Detour struct {
	// To returns the model string and the address that stand in for a route's role:
	// UpstreamA for its default, UpstreamB, UpstreamC, or UpstreamStray with "" for
	// whatever else the file names.
	To func(taskType, upstream string) (model, base string)
	// Timeout caps every time limit of the file, in milliseconds, so that a drill
	// ends. Wait caps a gateway's longest wait between retries, where it can be set.
	Timeout, Wait int64
	Listen        string // address for the gateway itself, where the file sets it; "" = leave it
}

// drillKey stands where a file names a key: no real one is needed, and none is
// sent anywhere.
const drillKey = "drill"

// Redirect returns the file with every model at the addresses of a drill and
// everything else as it is, and says in words what was changed.
func Redirect(b []byte, format string, d Detour) ([]byte, []string, error) {
	changes := []string{"every model is called at a local upstream, over OpenAI's wire, without a key",
		fmt.Sprintf("time limits are %d ms at most", d.Timeout)}
	var out []byte
	var err error
	switch format {
	case FormatLiteLLM:
		out, err = redirectLiteLLM(b, d)
	case FormatPortkey:
		out, err = redirectPortkey(b, d)
	case FormatTensorZero:
		changes = append(changes, fmt.Sprintf("waits between retries are %d ms at most", d.Wait), "observability is off: there is no database")
		out, err = redirectTensorZero(b, d)
	default:
		return nil, nil, eval.Invalid(fmt.Errorf("infer cannot drill a gateway with a file of format %s", format), "it drills "+strings.Join(Drillable(), ", ")+"; without a gateway it drills any of them with its own engine")
	}
	if err != nil {
		return nil, nil, eval.Invalid(fmt.Errorf("redirect %s: %w", format, err), "export the file anew")
	}
	return out, changes, nil
}

// Drillable lists the formats whose gateways can be drilled.
func Drillable() []string { return []string{FormatLiteLLM, FormatPortkey, FormatTensorZero} }

// cap returns the smaller limit; a missing one becomes the cap.
func capped(v any, limit float64) float64 {
	n, ok := v.(float64)
	if !ok || n <= 0 || n > limit {
		return limit
	}
	return n
}

func object(v any, key string) map[string]any {
	m, _ := v.(map[string]any)
	if key == "" {
		return m
	}
	m, _ = m[key].(map[string]any)
	return m
}

func list(v any, key string) []any {
	l, _ := object(v, "")[key].([]any)
	return l
}

func text(v any, key string) string {
	s, _ := object(v, "")[key].(string)
	return s
}

func redirectLiteLLM(b []byte, d Detour) ([]byte, error) {
	docs, err := fromYAML(b)
	if err != nil || len(docs) != 1 {
		return nil, fmt.Errorf("not one document: %w", err)
	}
	var f map[string]any
	if err := json.Unmarshal(docs[0], &f); err != nil {
		return nil, err
	}
	seconds := float64(d.Timeout) / 1000
	for _, m := range list(f, "model_list") {
		alias, params := text(m, "model_name"), object(m, "litellm_params")
		taskType, upstream := "", UpstreamStray
		for _, p := range []struct{ prefix, upstream string }{{litellmDefault, UpstreamA}, {litellmBackup, UpstreamB}, {litellmContext, UpstreamC}} {
			if rest, ok := strings.CutPrefix(alias, p.prefix); ok {
				taskType, upstream = rest, p.upstream
			}
		}
		if params == nil {
			return nil, fmt.Errorf("alias %s has no litellm_params", eval.Untrusted(alias).Line(60))
		}
		model, base := d.To(taskType, upstream)
		params["model"], params["api_base"], params["api_key"] = "openai/"+model, base, drillKey
		params["timeout"] = capped(params["timeout"], seconds)
		if _, ok := params["stream_timeout"]; ok {
			params["stream_timeout"] = capped(params["stream_timeout"], seconds)
		}
	}
	return toYAML(f)
}

func redirectPortkey(b []byte, d Detour) ([]byte, error) {
	var f map[string]any
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	types := make(map[string]string)
	for _, c := range list(object(f, "strategy"), "conditions") {
		types[text(c, "then")] = text(object(object(c, "query"), portkeyType), "$eq")
	}
	for _, t := range list(f, "targets") {
		leaves := list(t, "targets")
		if len(leaves) == 0 {
			leaves = []any{t}
		}
		for i, leaf := range leaves {
			taskType, known := types[text(t, "name")]
			upstream := UpstreamStray
			if known && i < 2 {
				upstream = []string{UpstreamA, UpstreamB}[i]
			}
			model, base := d.To(taskType, upstream)
			m := object(leaf, "")
			if m == nil {
				return nil, fmt.Errorf("target %s is no object", eval.Untrusted(text(t, "name")).Line(60))
			}
			params := object(m, "override_params")
			if params == nil {
				params = make(map[string]any)
			}
			params["model"] = model
			m["provider"], m["custom_host"], m["api_key"], m["override_params"] = "openai", base, drillKey, params
			m["request_timeout"] = int64(capped(m["request_timeout"], float64(d.Timeout)))
		}
	}
	return json.Marshal(f)
}

func redirectTensorZero(b []byte, d Detour) ([]byte, error) {
	var f map[string]any
	if err := toml.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	models := make(map[string]any)
	for name, fn := range object(f, "functions") {
		choice := object(fn, "experimentation")
		roles := map[string]string{}
		if c := list(choice, "candidate_variants"); len(c) > 0 {
			s, _ := c[0].(string)
			roles[s] = UpstreamA
		}
		if c := list(choice, "fallback_variants"); len(c) > 0 {
			s, _ := c[0].(string)
			roles[s] = UpstreamB
		}
		for variant, v := range object(fn, "variants") {
			taskType, upstream := name, roles[variant]
			if upstream == "" {
				taskType, upstream = "", UpstreamStray
			}
			model, base := d.To(taskType, upstream)
			m := object(v, "")
			if m == nil {
				return nil, fmt.Errorf("variant %s is no table", eval.Untrusted(variant).Line(60))
			}
			limits := tzLimitsOf(object(object(f, "models"), text(m, "model")))
			capTensorZero(m, limits, d)
			m["model"] = model
			models[model] = map[string]any{"routing": []string{drillKey}, "providers": map[string]any{
				drillKey: map[string]any{"type": "openai", "api_base": base + "/", "model_name": model, "api_key_location": "none", "timeouts": limits}}}
		}
	}
	f["models"] = models
	gateway := object(f, "gateway")
	if gateway == nil {
		gateway = make(map[string]any)
	}
	gateway["observability"] = map[string]any{"enabled": false}
	if d.Listen != "" {
		gateway["bind_address"] = d.Listen
	}
	f["gateway"] = gateway
	var out bytes.Buffer
	if err := toml.NewEncoder(&out).Encode(f); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// tzLimitsOf are the time limits of a model's first provider.
func tzLimitsOf(model map[string]any) map[string]any {
	names := list(model, "routing")
	if len(names) > 0 {
		first, _ := names[0].(string)
		if l := object(object(object(model, "providers"), first), "timeouts"); l != nil {
			return l
		}
	}
	return make(map[string]any)
}

// capTensorZero bounds the times of a variant and of its model.
func capTensorZero(variant, limits map[string]any, d Detour) {
	capLimits(limits, d)
	if own := object(variant, "timeouts"); own != nil {
		capLimits(own, d)
	}
	if r := object(variant, "retries"); r != nil {
		r["max_delay_s"] = capped(r["max_delay_s"], float64(d.Wait)/1000)
	}
}

func capLimits(limits map[string]any, d Detour) {
	for _, kind := range []string{"non_streaming", "streaming"} {
		l := object(limits, kind)
		if l == nil {
			l = make(map[string]any)
		}
		for _, key := range []string{"total_ms", "ttft_ms"} {
			n, ok := l[key].(int64)
			if ok || key == "total_ms" {
				l[key] = int64(capped(float64(n), float64(d.Timeout)))
			}
		}
		limits[kind] = l
	}
}
