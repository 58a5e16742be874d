package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"infer/eval"
)

// The environment format is for applications that route by themselves: plain
// variables, readable by a shell and by every reader of .env files. A value that
// begins with a double quote is a JSON text: names with quotes, line ends or
// control characters are written so.
const (
	envList   = "INFER_ROUTES"
	envPrefix = "INFER_ROUTE_"
)

func encodeEnv(r *Routes) ([]byte, []Loss, error) {
	var out bytes.Buffer
	var l losses
	keys := make([]string, len(r.Routes))
	taken := make(map[string]bool)
	for i := range r.Routes {
		keys[i] = envKey(r.Routes[i].TaskType, taken)
	}
	fmt.Fprintf(&out, "# A value that begins with \" is a JSON text.\n")
	writeEnv(&out, envList, strings.Join(keys, " "))
	for i := range r.Routes {
		if err := envRoute(&out, r, &r.Routes[i], envPrefix+keys[i]+"__"); err != nil {
			return nil, nil, err
		}
	}
	l.all(NoTaskCarrier, "")
	return out.Bytes(), l.list, nil
}

// envKey is a task type as a part of a variable's name, each once.
func envKey(s string, taken map[string]bool) string {
	base := strings.ToUpper(strings.ReplaceAll(slug(s), "-", "_"))
	if base == "" {
		base = "TYPE"
	}
	key := base
	for n := 2; taken[key]; n++ {
		key = fmt.Sprintf("%s_%d", base, n)
	}
	taken[key] = true
	return key
}

func envRoute(out *bytes.Buffer, r *Routes, x *Route, p string) error {
	out.WriteByte('\n')
	writeEnv(out, p+"TASK_TYPE", x.TaskType)
	for _, m := range []struct{ key, name string }{{"DEFAULT", x.Default}, {"BACKUP", x.Backup}, {"CONTEXT_BACKUP", x.ContextBackup}, {"CONFIRM_BACKUP", x.ConfirmBackup}} {
		if m.name == "" {
			continue
		}
		model := r.model(m.name)
		writeEnv(out, p+m.key+"_MODEL", model.Model)
		writeEnv(out, p+m.key+"_API", model.API)
		writeEnv(out, p+m.key+"_BASE_URL", model.base())
		writeEnv(out, p+m.key+"_KEY_ENV", model.KeyEnv)
	}
	params := ""
	if len(x.Params) > 0 {
		b, err := json.Marshal(x.Params)
		if err != nil {
			return fmt.Errorf("encode parameters: %w", err)
		}
		params = string(b)
	}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	confirm := ""
	if x.Confirm {
		confirm = "true"
	}
	for _, v := range []struct{ key, value string }{
		{"ON", strings.ReplaceAll(classNames(x.On), " ", "")}, {"RETRIES", number(int64(x.Retry.Max))}, {"BACKUP_RETRIES", number(int64(x.Retry.BackupMax))},
		{"RETRY_ON", strings.ReplaceAll(classNames(x.Retry.On), " ", "")}, {"RETRY_BASE_DELAY_MS", number(x.Retry.BaseDelayMS)}, {"RETRY_MAX_DELAY_MS", number(x.Retry.MaxDelayMS)},
		{"TIMEOUT_MS", number(x.TimeoutMS)}, {"FIRST_TOKEN_MS", number(x.FirstTokenMS)}, {"CONFIRM", confirm}, {"PARAMS", params}, {"PROMPT_DIGEST", x.PromptDigest},
	} {
		writeEnv(out, p+v.key, v.value)
	}
	return nil
}

// writeEnv writes one variable, unless it is empty.
func writeEnv(out *bytes.Buffer, name, value string) {
	if value == "" {
		return
	}
	if value[0] == '"' || strings.Contains(value, "'") || eval.Untrusted(value).Line(0) != value {
		b, err := json.Marshal(value)
		if err != nil {
			return // a text always encodes
		}
		value = strings.ReplaceAll(string(eval.EscapeJSON(b)), "'", `\u0027`)
	}
	fmt.Fprintf(out, "%s='%s'\n", name, value)
}

func isEnv(b []byte) bool {
	return !isJSON(b) && bytes.Contains(append([]byte("\n"), b...), []byte("\n"+envList+"="))
}

// readEnv reads the variables of a file that writeEnv wrote.
func readEnv(b []byte) (map[string]string, error) {
	vars := make(map[string]string)
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || !envName.MatchString(name) {
			return nil, fmt.Errorf("line %d: not NAME=value", i+1)
		}
		if n := len(value); n >= 2 && value[0] == '\'' && value[n-1] == '\'' {
			value = value[1 : n-1]
		}
		if strings.HasPrefix(value, `"`) {
			var s string
			if err := json.Unmarshal([]byte(value), &s); err != nil {
				return nil, fmt.Errorf("line %d: %s begins with a double quote but is no JSON text", i+1, name)
			}
			value = s
		}
		vars[name] = value
	}
	return vars, nil
}

func decodeEnv(b []byte) (*Routes, error) {
	vars, err := readEnv(b)
	if err != nil {
		return nil, err
	}
	keys := strings.Fields(vars[envList])
	if len(keys) == 0 {
		return nil, errors.New(envList + " names no route")
	}
	sort.Strings(keys)
	t := newTable()
	for _, key := range keys {
		x, err := readEnvRoute(t, vars, envPrefix+key+"__")
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", eval.Untrusted(key).Line(60), err)
		}
		t.add(x)
	}
	return t.routes(), nil
}

func readEnvRoute(t *table, vars map[string]string, p string) (Route, error) {
	x := Route{TaskType: vars[p+"TASK_TYPE"], StopAfterBackup: true, Confirm: vars[p+"CONFIRM"] == "true", PromptDigest: vars[p+"PROMPT_DIGEST"]}
	for _, m := range []struct {
		key  string
		dest *string
	}{{"DEFAULT", &x.Default}, {"BACKUP", &x.Backup}, {"CONTEXT_BACKUP", &x.ContextBackup}, {"CONFIRM_BACKUP", &x.ConfirmBackup}} {
		if model := vars[p+m.key+"_MODEL"]; model != "" {
			*m.dest = t.model(Model{API: vars[p+m.key+"_API"], Model: model, BaseURL: vars[p+m.key+"_BASE_URL"], KeyEnv: vars[p+m.key+"_KEY_ENV"]})
		}
	}
	for _, n := range []struct {
		key  string
		dest func(int64)
	}{
		{"RETRIES", func(n int64) { x.Retry.Max = int(n) }}, {"BACKUP_RETRIES", func(n int64) { x.Retry.BackupMax = int(n) }},
		{"RETRY_BASE_DELAY_MS", func(n int64) { x.Retry.BaseDelayMS = n }}, {"RETRY_MAX_DELAY_MS", func(n int64) { x.Retry.MaxDelayMS = n }},
		{"TIMEOUT_MS", func(n int64) { x.TimeoutMS = n }}, {"FIRST_TOKEN_MS", func(n int64) { x.FirstTokenMS = n }},
	} {
		text := vars[p+n.key]
		if text == "" {
			continue
		}
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return x, fmt.Errorf("%s is not a whole number", n.key)
		}
		n.dest(v)
	}
	x.On, x.Retry.On = classList(vars[p+"ON"]), classList(vars[p+"RETRY_ON"])
	if text := vars[p+"PARAMS"]; text != "" {
		if err := json.Unmarshal([]byte(text), &x.Params); err != nil {
			return x, fmt.Errorf("PARAMS: %w", err)
		}
	}
	return x, nil
}

func classList(s string) []eval.Class {
	var out []eval.Class
	for _, name := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		out = append(out, eval.Class(name))
	}
	return ordered(out)
}
