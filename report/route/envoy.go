package route

import (
	"fmt"
	"strings"

	"infer/eval"
)

// Envoy AI Gateway is configured by Kubernetes resources. Each task type gets an
// AIGatewayRoute of its own, since retries belong to a BackendTrafficPolicy and
// that belongs to a route; each model service gets a backend.
const (
	envoyRouteAPI  = "aigateway.envoyproxy.io/v1beta1"
	envoyGroup     = "gateway.envoyproxy.io"
	envoyPolicyAPI = envoyGroup + "/v1alpha1"
	envoyHeader    = "x-task-type"
	envoyGateway   = "infer-gateway" // of the cluster; the file does not create it
	envoyNote      = "infer.dev/"    // prefix of annotations
)

type k8sObject struct {
	APIVersion string  `json:"apiVersion"`
	Kind       string  `json:"kind"`
	Meta       k8sMeta `json:"metadata"`
	Spec       any     `json:"spec"`
}

type k8sMeta struct {
	Name        string            `json:"name"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type k8sRef struct {
	Group string `json:"group,omitempty"`
	Kind  string `json:"kind,omitempty"`
	Name  string `json:"name"`
}

type envoyRoute struct {
	Parents []k8sRef    `json:"parentRefs"`
	Rules   []envoyRule `json:"rules"`
}

type envoyRule struct {
	Matches  []envoyMatch      `json:"matches"`
	Backends []envoyBackendRef `json:"backendRefs"`
	Timeouts map[string]string `json:"timeouts,omitempty"`
	Idle     string            `json:"streamIdleTimeout,omitempty"`
}

type envoyMatch struct {
	Headers []envoyHeaderMatch `json:"headers"`
}

type envoyHeaderMatch struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

type envoyBackendRef struct {
	Name     string     `json:"name"`
	Model    string     `json:"modelNameOverride"`
	Priority int        `json:"priority"`
	Body     *envoyBody `json:"bodyMutation,omitempty"`
}

type envoyBody struct {
	Set []envoyField `json:"set"`
}

type envoyField struct {
	Path  string `json:"path"`
	Value string `json:"value"` // JSON
}

type envoyPolicy struct {
	Targets []k8sRef   `json:"targetRefs"`
	Retry   envoyRetry `json:"retry"`
}

type envoyRetry struct {
	Num         int            `json:"numRetries"`
	PerPriority int            `json:"numAttemptsPerPriority,omitempty"`
	On          *envoyRetryOn  `json:"retryOn,omitempty"`
	Per         *envoyPerRetry `json:"perRetry,omitempty"`
}

type envoyRetryOn struct {
	Triggers []string `json:"triggers"`
	Statuses []int    `json:"httpStatusCodes,omitempty"`
}

type envoyPerRetry struct {
	Timeout string        `json:"timeout,omitempty"`
	BackOff *envoyBackOff `json:"backOff,omitempty"`
}

type envoyBackOff struct {
	Base string `json:"baseInterval,omitempty"`
	Max  string `json:"maxInterval,omitempty"`
}

// envoyFields is how many fields of the body a backend may set.
const envoyFields = 16

func encodeEnvoy(r *Routes) ([]byte, []Loss, error) {
	e := envoyFile{backends: make(map[string]string)}
	for i := range r.Routes {
		if err := e.route(r, &r.Routes[i], i); err != nil {
			return nil, nil, err
		}
	}
	e.l.common(r)
	var out []byte
	for i := range e.objects {
		b, err := toYAML(&e.objects[i])
		if err != nil {
			return nil, nil, err
		}
		out = append(append(out, "---\n"...), b...)
	}
	return out, e.l.list, nil
}

type envoyFile struct {
	objects  []k8sObject
	backends map[string]string // name by service and key
	l        losses
}

// route adds the resources of one task type.
func (e *envoyFile) route(r *Routes, x *Route, i int) error {
	x = e.l.expressible(x)
	name := fmt.Sprintf("infer-%d", i+1)
	if s := slug(x.TaskType); s != "" {
		name += "-" + s
	}
	rule := envoyRule{Matches: []envoyMatch{{[]envoyHeaderMatch{{"Exact", envoyHeader, x.TaskType}}}}}
	if eval.Untrusted(x.TaskType).Line(0) != x.TaskType || !ascii(x.TaskType) || strings.TrimSpace(x.TaskType) != x.TaskType {
		e.l.of(x, NoTaskCarrier, "", "a header cannot hold this name, so no request will match")
	}
	for p, m := range []string{x.Default, x.Backup} {
		if m == "" {
			continue
		}
		backend, err := e.backend(r.model(m))
		if err != nil {
			return err
		}
		ref := envoyBackendRef{Name: backend, Model: r.model(m).Model, Priority: p}
		if err := ref.setBody(x, p == 0, &e.l); err != nil {
			return err
		}
		rule.Backends = append(rule.Backends, ref)
	}
	policy := e.policy(x, name)
	if x.TimeoutMS > 0 {
		attempts := int64(policy.Retry.Num + 1)
		rule.Timeouts = map[string]string{"request": k8sDuration(attempts * (x.TimeoutMS + 10_000))} // waits included
	}
	if x.FirstTokenMS > 0 {
		rule.Idle = k8sDuration(x.FirstTokenMS)
	}
	if x.ContextBackup != "" {
		e.l.of(x, NoContextBackup, "context_backup", "")
	}
	e.objects = append(e.objects,
		k8sObject{envoyRouteAPI, "AIGatewayRoute", k8sMeta{Name: name}, envoyRoute{[]k8sRef{{"gateway.networking.k8s.io", "Gateway", envoyGateway}}, []envoyRule{rule}}},
		k8sObject{envoyPolicyAPI, "BackendTrafficPolicy", k8sMeta{Name: name}, policy})
	return nil
}

// policy is the retry rule. Envoy has one list of conditions: attempts beyond
// those of the first priority go to the next one, which is the backup.
func (e *envoyFile) policy(x *Route, name string) envoyPolicy {
	p := envoyPolicy{Targets: []k8sRef{{"gateway.networking.k8s.io", "HTTPRoute", name}}, Retry: envoyRetry{Num: x.Retry.Max}}
	on := []eval.Class{}
	if retried(x) {
		on = append(on, x.Retry.On...)
		retryLosses(x, &e.l)
	}
	backupMax := x.Retry.BackupMax
	if x.Backup != "" {
		on = append(on, x.On...)
		if backupMax > x.Retry.Max {
			e.l.of(x, RetryCountShared, "retry.backup_max", "the backup is retried as often as the default")
			backupMax = x.Retry.Max
		}
		p.Retry.PerPriority = x.Retry.Max + 1
		p.Retry.Num = x.Retry.Max + 1 + backupMax
		e.l.of(x, ReasonNotLogged, "", "")
	}
	if x.Backup != "" || retried(x) {
		e.l.of(x, NoStreamFallback, "", "")
	}
	both := joined(on, eval.ClassTimeout, eval.ClassNetwork) // both reset the stream
	if x.Backup != "" {
		e.l.share(x, "on", x.On, both)
	}
	if retried(x) {
		e.l.share(x, "retry.on", x.Retry.On, both)
	}
	if len(both) > 0 {
		e.l.of(x, StatusesOnly, "", "")
		p.Retry.On = envoyConditions(both)
	}
	per := envoyPerRetry{}
	if x.TimeoutMS > 0 {
		per.Timeout = k8sDuration(x.TimeoutMS)
	}
	if retried(x) && (x.Retry.BaseDelayMS > 0 || x.Retry.MaxDelayMS > 0) {
		per.BackOff = &envoyBackOff{}
		if x.Retry.BaseDelayMS > 0 {
			per.BackOff.Base = k8sDuration(x.Retry.BaseDelayMS)
		}
		if x.Retry.MaxDelayMS > 0 {
			per.BackOff.Max = k8sDuration(x.Retry.MaxDelayMS)
		}
	}
	if per != (envoyPerRetry{}) {
		p.Retry.Per = &per
	}
	return p
}

func envoyConditions(on []eval.Class) *envoyRetryOn {
	c := &envoyRetryOn{Statuses: statusesOf(on)}
	if len(c.Statuses) > 0 {
		c.Triggers = append(c.Triggers, "retriable-status-codes")
	}
	for _, k := range on {
		if k == eval.ClassNetwork {
			c.Triggers = append(c.Triggers, "connect-failure", "refused-stream", "reset")
		}
	}
	return c
}
