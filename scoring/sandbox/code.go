package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"infer/eval"
)

// Code accepts an answer whose code passes its tests, run inside a sandbox.
//
// The tests follow the code in one program, which must come to its end with the
// exit code 0: python, node and sh run them as they stand, go runs `go test` with
// them in a file of their own.
type Code struct {
	Language  string `json:"language" doc:"python, node, go or sh" required:"true"`
	Tests     string `json:"tests,omitempty" doc:"the tests; default: the task's expected text"`
	Continue  bool   `json:"continue,omitempty" doc:"the answer continues the code that is the task's last user text"`
	Whole     bool   `json:"whole,omitempty" doc:"the whole answer is code; default: the code fence in it, if there is one"`
	Timeout   string `json:"timeout,omitempty" doc:"wall clock; default 10s, go 180s"`
	MemoryMB  int    `json:"memory_mb,omitempty" doc:"default 512, go 2048"`
	Processes int    `json:"processes,omitempty" doc:"at once; default 64"`
	OutputKB  int    `json:"output_kb,omitempty" doc:"standard output and error together; default 256"`
	Image     string `json:"image,omitempty" doc:"image for podman and docker; it must be there already"`

	Box *Box `json:"-"` // set by whoever compiles the rule

	limits Limits
}

// maxCode is the longest program that is run.
const maxCode = 1 << 20

// language is how one language's programs are written and started.
type language struct {
	argv  []string
	env   map[string]string
	write func(code, tests, token string) map[string][]byte
	// done reports whether a program that ended with the exit code 0 came to its
	// end.
	done   func(stdout, token string) bool
	limits Limits
}

var (
	defaults = Limits{Time: 10 * time.Second, Memory: 512 << 20, Processes: 64, Output: 256 << 10, Disk: 64 << 20}
	esModule = regexp.MustCompile(`(?m)^\s*(?:import\s[\w*{]|import\s*["']|export\s)`)
)

func lastLine(stdout, token string) bool {
	return strings.HasSuffix(strings.TrimRight(stdout, "\r\n"), token)
}

func single(name, end string) func(code, tests, token string) map[string][]byte {
	return func(code, tests, token string) map[string][]byte {
		return map[string][]byte{name: []byte(code + "\n\n" + tests + "\n" + strings.ReplaceAll(end, "TOKEN", token) + "\n")}
	}
}

func languageOf(name string) (language, bool) {
	switch name {
	case "python":
		return language{argv: []string{"python3", "-I", "-B", "/work/main.py"}, write: single("main.py", `__import__("sys").stdout.write("\nTOKEN\n")`), done: lastLine, limits: defaults}, true
	case "sh":
		return language{argv: []string{"sh", "-eu", "/work/main.sh"}, write: single("main.sh", `printf '\n%s\n' TOKEN`), done: lastLine, limits: defaults}, true
	case "node":
		return language{argv: []string{"sh", "-c", "exec node /work/main.*js"}, done: lastLine, limits: Limits{10 * time.Second, 1 << 30, 64, 256 << 10, 64 << 20},
			write: func(code, tests, token string) map[string][]byte {
				name := "main.cjs"
				if esModule.MatchString(code + "\n" + tests) {
					name = "main.mjs"
				}
				return single(name, `;process.stdout.write("\nTOKEN\n");`)(code, tests, token)
			}}, true
	case "go":
		return language{argv: []string{"sh", "-c", "cd /work && exec go test -v -count=1 ./..."}, limits: Limits{180 * time.Second, 2 << 30, 128, 256 << 10, 1 << 30}, write: goFiles,
			env: map[string]string{"GOCACHE": "/tmp/cache", "GOPATH": "/tmp/go", "GOTMPDIR": "/tmp", "GOPROXY": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0",
				"GOFLAGS": "-mod=mod", "GOTELEMETRY": "off", "GONOSUMDB": "*"},
			done: func(stdout, _ string) bool {
				return strings.Contains(stdout, "--- PASS: ") && strings.Contains(stdout, "\nPASS\nok  \t")
			}}, true
	}
	return language{}, false
}

var goPackage = regexp.MustCompile(`(?m)^package\s+(\w+)`)

// goFiles writes a module of the code and its tests; tests without a package
// clause are in the code's package.
func goFiles(code, tests, _ string) map[string][]byte {
	name := "solution"
	if m := goPackage.FindStringSubmatch(code); m != nil {
		name = m[1]
	} else {
		code = "package solution\n\n" + code
	}
	if !goPackage.MatchString(tests) {
		head := "package " + name + "\n\n"
		if !strings.Contains(tests, `"testing"`) {
			head += "import \"testing\"\n\n"
		}
		tests = head + tests
	}
	return map[string][]byte{"go.mod": []byte("module solution\n\ngo 1.21\n"), "solution.go": []byte(code), "solution_test.go": []byte(tests)}
}

// Prepare checks the options.
func (g *Code) Prepare() error {
	l, ok := languageOf(g.Language)
	if !ok {
		return fmt.Errorf("code: language is %q; it may be python, node, go or sh", eval.Untrusted(g.Language).Line(40))
	}
	g.limits = l.limits
	if g.Timeout != "" {
		d, err := time.ParseDuration(g.Timeout)
		if err != nil || d <= 0 || d > 10*time.Minute {
			return errors.New("code: timeout is not a time between 1ms and 10m")
		}
		g.limits.Time = d
	}
	for _, o := range []struct {
		name  string
		value int
		max   int
		set   func(int)
	}{
		{"memory_mb", g.MemoryMB, 64 << 10, func(n int) { g.limits.Memory = int64(n) << 20 }},
		{"processes", g.Processes, 4096, func(n int) { g.limits.Processes = n }},
		{"output_kb", g.OutputKB, 64 << 10, func(n int) { g.limits.Output = n << 10 }},
	} {
		if o.value < 0 || o.value > o.max {
			return fmt.Errorf("code: %s is not between 1 and %d", o.name, o.max)
		}
		if o.value > 0 {
			o.set(o.value)
		}
	}
	return nil
}

// Grade runs the code.
func (g *Code) Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Score {
	tests := g.Tests
	if tests == "" && json.Unmarshal(t.Expected, &tests) != nil || strings.TrimSpace(tests) == "" {
		return unscored("the task has no tests: neither an expected text nor the option tests")
	}
	code := r.Text.Raw()
	if !g.Whole {
		code = fenced(code)
	}
	if g.Continue {
		code = lastUserText(t) + code
	}
	if len(code)+len(tests) > maxCode {
		return failed(fmt.Sprintf("a program of %d bytes; at most %d are run", len(code)+len(tests), maxCode))
	}
	l, _ := languageOf(g.Language)
	sum := sha256.Sum256([]byte("end of tests\x00" + t.ID + "\x00" + code + "\x00" + tests))
	token := "ended-" + hex.EncodeToString(sum[:12])
	image := g.Image
	if image == "" {
		image = g.Box.image
	}
	res, err := g.Box.Run(ctx, &Job{Files: l.write(code, tests, token), Argv: l.argv, Env: l.env, Limits: g.limits, Image: image})
	in := " (in " + g.Box.Name() + ")"
	switch {
	case err != nil:
		return unscored("the sandbox failed: " + err.Error())
	case res.Over == "time":
		return failed(fmt.Sprintf("did not end within %s", g.limits.Time) + in)
	case res.Over != "":
		return failed("went beyond the limit on " + res.Over + in)
	case res.Exit == 127:
		return unscored("the sandbox has no program for " + g.Language + ": " + firstLine(string(res.Stderr)))
	case res.Exit != 0:
		return failed(fmt.Sprintf("the tests fail: %s", lastWords(res)) + in)
	case !l.done(string(res.Stdout), token):
		return failed("the program ended before its tests did" + in)
	}
	ok, one := true, 1.0
	return eval.Score{Grader: "code", Pass: &ok, Value: &one, Explanation: eval.Untrusted(fmt.Sprintf("the tests pass after %s", res.Took.Round(time.Millisecond)) + in)}
}

func failed(why string) eval.Score {
	no, zero := false, 0.0
	return eval.Score{Grader: "code", Pass: &no, Value: &zero, Explanation: eval.Untrusted(why)}
}

func unscored(why string) eval.Score { return eval.Score{Grader: "code", Error: eval.Untrusted(why)} }

// lastWords is the last line that a program wrote before it failed.
func lastWords(res Result) string {
	for _, out := range [][]byte{res.Stderr, res.Stdout} {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
			if len(last) > 300 {
				last = strings.ToValidUTF8(last[:300], "") + "…"
			}
			return last
		}
	}
	return fmt.Sprintf("exit code %d", res.Exit)
}

// fenced returns the code in the first fence of an answer, or the whole answer.
func fenced(s string) string {
	_, rest, ok := strings.Cut(s, "```")
	if !ok {
		return s
	}
	body, _, ok := strings.Cut(rest, "```")
	if !ok {
		return s
	}
	if first, code, ok := strings.Cut(body, "\n"); ok && len(strings.Fields(first)) <= 1 {
		return code
	}
	return body
}

func lastUserText(t *eval.Task) string {
	for i := len(t.Messages) - 1; i >= 0; i-- {
		if t.Messages[i].Role == "user" {
			return t.Messages[i].Text()
		}
	}
	return ""
}
