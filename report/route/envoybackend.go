package route

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"infer/eval"
)

// envoySchema is how a service is spoken to. Anthropic's messages are at its
// prefix and "/messages", and its key goes into a header of its own.
type envoySchema struct {
	Name   string `json:"name"`
	Prefix string `json:"prefix"`

	mechanism, field string // of the key
}

// backend adds the resources of one service, once.
func (e *envoyFile) backend(m *Model) (string, error) {
	base, schema := m.base(), envoySchema{Name: "OpenAI", mechanism: "APIKey", field: "apiKey"}
	for i := range vendors {
		if v := &vendors[i]; base == "" && v.api == m.API && v.own != "" {
			base = v.own
		}
	}
	if m.API == APIAnthropic {
		schema = envoySchema{Name: "Anthropic", Prefix: "/v1", mechanism: "AnthropicAPIKey", field: "anthropicAPIKey"}
	} else if m.API != APIOpenAI {
		return "", invalid("export another format, or measure the model through an OpenAI-style service", "envoy: model %s: this exporter does not write the credentials of the %s wire", eval.Untrusted(m.Name).Line(60), m.API)
	}
	u, err := url.Parse(base)
	if err != nil {
		return "", invalid("mend base_url", "envoy: model %s: %v", eval.Untrusted(m.Name).Line(60), err)
	}
	key := base + " " + m.KeyEnv
	if name, ok := e.backends[key]; ok {
		return name, nil
	}
	name := fmt.Sprintf("infer-backend-%d", len(e.backends)+1)
	e.backends[key] = name
	port := map[string]int{"https": 443, "http": 80}[u.Scheme]
	if p, err := strconv.Atoi(u.Port()); err == nil {
		port = p
	}
	endpoint := map[string]any{"fqdn": map[string]any{"hostname": u.Hostname(), "port": port}}
	if ip := net.ParseIP(u.Hostname()); ip != nil {
		endpoint = map[string]any{"ip": map[string]any{"address": u.Hostname(), "port": port}}
	}
	spec := map[string]any{"endpoints": []any{endpoint}}
	if u.Scheme == "https" {
		spec["tls"] = map[string]any{"wellKnownCACertificates": "System", "sni": u.Hostname()}
	}
	schema.Prefix = u.Path + schema.Prefix
	service := map[string]any{"schema": schema, "backendRef": k8sRef{envoyGroup, "Backend", name}}
	e.objects = append(e.objects, k8sObject{envoyPolicyAPI, "Backend", k8sMeta{Name: name}, spec},
		k8sObject{envoyRouteAPI, "AIServiceBackend", k8sMeta{Name: name, Annotations: map[string]string{envoyNote + "base-url": base}}, service})
	if m.KeyEnv != "" {
		secret := strings.ToLower(strings.ReplaceAll(m.KeyEnv, "_", "-"))
		e.objects = append(e.objects, k8sObject{envoyRouteAPI, "BackendSecurityPolicy",
			k8sMeta{Name: name, Annotations: map[string]string{envoyNote + "key-env": m.KeyEnv}},
			map[string]any{"targetRefs": []k8sRef{{"aigateway.envoyproxy.io", "AIServiceBackend", name}}, "type": schema.mechanism,
				schema.field: map[string]any{"secretRef": map[string]any{"name": strings.Trim(secret, "-")}}}})
	}
	return name, nil
}

func (b *envoyBackendRef) setBody(x *Route, tell bool, l *losses) error {
	values, err := x.Params.canonical()
	if err != nil {
		return err
	}
	if len(values) > envoyFields {
		if tell {
			l.of(x, ParamsNotCarried, "params", fmt.Sprintf("Envoy sets %d fields at most", envoyFields))
		}
		return nil
	}
	for _, name := range values.names() {
		if b.Body == nil {
			b.Body = &envoyBody{}
		}
		b.Body.Set = append(b.Body.Set, envoyField{name, string(values[name])})
	}
	return nil
}

// k8sDuration writes milliseconds as the Gateway API has them: up to four numbers
// of up to five digits.
func k8sDuration(ms int64) string {
	var b strings.Builder
	for _, u := range []struct {
		unit string
		ms   int64
	}{{"h", 3_600_000}, {"m", 60_000}, {"s", 1000}, {"ms", 1}} {
		if n := ms / u.ms; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.unit)
			ms -= n * u.ms
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// slug is a name as Kubernetes has them, of a text; "" = nothing is left of it.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= 40 {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}
