package sandbox_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"infer/eval"
	"infer/scoring/sandbox"
)

// What the tests look for inside a sandbox, where it must not be.
var _ = os.Setenv("INFER_TEST_CANARY", "1")

var findBox = sync.OnceValues(func() (*sandbox.Box, error) { return sandbox.Find(context.Background(), "") })

// box is the sandbox of this machine; the test is skipped where none works.
func box(t *testing.T) *sandbox.Box {
	t.Helper()
	b, err := findBox()
	if err != nil {
		t.Skipf("nothing is run without a sandbox: %v", err)
	}
	return b
}

func grade(t *testing.T, g sandbox.Code, expected, answer string) eval.Score {
	t.Helper()
	g.Box = box(t)
	if err := g.Prepare(); err != nil {
		t.Fatal(err)
	}
	task := &eval.Task{ID: "t", Messages: []eval.Message{eval.TextMessage("user", "def return1():\n")}}
	if expected != "" {
		task.Expected, _ = json.Marshal(expected)
	}
	return g.Grade(context.Background(), task, &eval.Response{Text: eval.Untrusted(answer)})
}

func verdict(s eval.Score) string {
	switch {
	case s.Pass == nil:
		return "unscored"
	case *s.Pass:
		return "pass"
	}
	return "fail"
}

func TestCode(t *testing.T) {
	t.Parallel()
	const goCode = "```go\nfunc Double(n int) int { return 2 * n }\n```"
	const goTest = "func TestDouble(t *testing.T) {\n\tif Double(21) != 42 {\n\t\tt.Fatal(\"wrong\")\n\t}\n}"
	for _, c := range []struct {
		name            string
		g               sandbox.Code
		expected, given string
		want, says      string
	}{
		{"python", sandbox.Code{Language: "python"}, "assert f(2) == 4", "Sure:\n```python\ndef f(x):\n    return 2 * x\n```\nDone.", "pass", "the tests pass"},
		{"python fails", sandbox.Code{Language: "python"}, "assert f(2) == 4, 'not twice'", "def f(x):\n    return x", "fail", "AssertionError: not twice"},
		{"python does not parse", sandbox.Code{Language: "python"}, "assert f(2) == 4", "def f(x", "fail", "SyntaxError"},
		{"python ends before its test", sandbox.Code{Language: "python"}, "assert f(2) == 4", "import os\ndef f(x):\n    os._exit(0)", "fail", "before its tests"},
		{"python leaves politely before its test", sandbox.Code{Language: "python"}, "assert f(2) == 4", "import sys\nsys.exit(0)", "fail", "before its tests"},
		{"python continued", sandbox.Code{Language: "python", Continue: true}, "assert return1() == 1", "    return 1", "pass", ""},
		{"tests of the rule", sandbox.Code{Language: "python", Tests: "assert f() == 1"}, "", "def f(): return 1", "pass", ""},
		{"no tests", sandbox.Code{Language: "python"}, "", "def f(): return 1", "unscored", "no tests"},
		{"endless", sandbox.Code{Language: "python", Timeout: "1s"}, "f()", "def f():\n    while True: pass", "fail", "did not end within 1s"},
		{"reads its input", sandbox.Code{Language: "python"}, "f()", "def f(): input()", "fail", "EOFError"},
		{"writes to its folder", sandbox.Code{Language: "python"}, "f()", "def f(): open('x.txt', 'w').write('x')", "pass", ""},
		{"sh", sandbox.Code{Language: "sh"}, "[ \"$(double 21)\" = 42 ]", "double() { echo $((2 * $1)); }", "pass", ""},
		{"sh fails", sandbox.Code{Language: "sh"}, "[ \"$(double 21)\" = 42 ]", "double() { echo $1; }", "fail", ""},
		{"node", sandbox.Code{Language: "node"}, "require('assert').strictEqual(double(21), 42)", "```js\nconst double = n => 2 * n\n```", "pass", ""},
		{"node module", sandbox.Code{Language: "node"}, "assert.strictEqual(double(21), 42)", "import assert from 'node:assert'\nexport const double = n => 2 * n", "pass", ""},
		{"node fails", sandbox.Code{Language: "node"}, "require('assert').strictEqual(double(21), 42)", "const double = n => n", "fail", ""},
		{"node ends before its test", sandbox.Code{Language: "node"}, "require('assert').strictEqual(double(21), 42)", "process.exit(0)", "fail", "before its tests"},
		{"go", sandbox.Code{Language: "go"}, goTest, goCode, "pass", ""},
		{"go fails", sandbox.Code{Language: "go"}, goTest, strings.Replace(goCode, "2 * n", "n", 1), "fail", "FAIL"},
		{"go ends before its test", sandbox.Code{Language: "go"}, goTest, strings.Replace(goCode, "func", "import \"os\"\n\nfunc init() { os.Exit(0) }\n\nfunc", 1), "fail", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.g.Language == "go" && os.Getenv("INFER_TEST_ALL") == "" {
				t.Skip("compiles Go's standard library in an empty cache; INFER_TEST_ALL=1 runs it")
			}
			s := grade(t, c.g, c.expected, c.given)
			said := s.Explanation.Raw() + s.Error.Raw()
			if strings.Contains(said, "has no program for") {
				t.Skip(said)
			}
			if verdict(s) != c.want || !strings.Contains(said, c.says) {
				t.Errorf("%s: %s; want %s, %q", verdict(s), said, c.want, c.says)
			}
			if c.want != "unscored" && !strings.Contains(said, box(t).Name()) {
				t.Errorf("the sandbox is not named: %s", said)
			}
		})
	}
}

// TestHostile runs programs that try to get out, and checks from outside that
// they did not. Each says ESCAPED where it got what it wanted.
func TestHostile(t *testing.T) {
	t.Parallel()
	b := box(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // nothing was sent
	reached := make(chan struct{}, 100)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			reached <- struct{}{}
			_ = c.Close()
		}
	}()
	outside := filepath.Join(t.TempDir(), "secret.txt")
	if err := os.WriteFile(outside, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(outside), 0o777); err != nil {
		t.Fatal(err)
	}
	python := func(code string) *sandbox.Job {
		return &sandbox.Job{Files: map[string][]byte{"main.py": []byte(code)}, Argv: []string{"python3", "-I", "/work/main.py"},
			Limits: sandbox.Limits{Time: 3 * time.Second, Memory: 256 << 20, Processes: 32, Output: 64 << 10, Disk: 8 << 20}}
	}
	for _, c := range []struct{ name, code, over string }{
		{"network", "import socket\ntry:\n    socket.create_connection(('127.0.0.1', " + portOf(listener) + "), 2); print('ESCAPED')\nexcept OSError as e: print(e)", ""},
		{"names of hosts", "import socket\ntry:\n    socket.getaddrinfo('example.com', 80); print('ESCAPED')\nexcept OSError as e: print(e)", ""},
		{"environment", "import os\nprint('ESCAPED' if any('CANARY' in k + v for k, v in os.environ.items()) else 'clean')", ""},
		{"environment of others", "import glob\nfor p in glob.glob('/proc/[0-9]*/environ'):\n    try:\n        if b'CANARY' in open(p, 'rb').read(): print('ESCAPED')\n    except OSError: pass", ""},
		{"reading outside", "try:\n    open(" + quote(outside) + ").read(); print('ESCAPED')\nexcept OSError as e: print(e)", ""},
		{"writing outside", "try:\n    open(" + quote(outside) + ", 'w').write('x'); print('ESCAPED')\nexcept OSError as e: print(e)", ""},
		{"writing to the system", "for p in ('/usr/x', '/etc/x', '/x', '/work/x', '/work/main.py', '/proc/sys/kernel/hostname'):\n    try:\n        open(p, 'w').write('x'); print('ESCAPED', p)\n    except OSError: pass", ""},
		{"passwords", "try:\n    open('/etc/shadow').read(); print('ESCAPED')\nexcept OSError as e: print(e)", ""},
		{"becoming root", "import os\ntry:\n    os.setuid(0); print('ESCAPED')\nexcept OSError as e: print(e)\nprint(os.getuid())", ""},
		{"new namespaces", "import ctypes\nprint('ESCAPED' if ctypes.CDLL(None).unshare(0x10000000) == 0 and ctypes.CDLL(None).mount(b'x', b'/work', b'tmpfs', 0, None) == 0 else 'kept')", ""},
		{"other processes", "import os\nn = [p for p in os.listdir('/proc') if p.isdigit()]\nprint('ESCAPED' if len(n) > 10 else 'alone')", ""},
		{"killing everybody", "import os, signal\nos.kill(-1, signal.SIGKILL)", ""},
		{"fork bomb", "import os, time\nwhile True:\n    try: os.fork()\n    except OSError: time.sleep(0.01)", "any"},
		{"threads", "import threading, time\nwhile True:\n    try: threading.Thread(target=time.sleep, args=(60,)).start()\n    except RuntimeError: time.sleep(0.1)", "any"},
		{"ten gigabytes of output", "import sys\nb = 'x' * (1 << 20)\nfor _ in range(10240): sys.stdout.write(b)", "output"},
		{"ten gigabytes of memory", "x = []\nfor _ in range(10240): x.append(bytearray(1 << 20))\nprint('ESCAPED')", ""},
		{"memory of many", "import os\nfor _ in range(20): \n    if os.fork() == 0: break\nx = bytearray(100 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\nimport time; time.sleep(2)", "memory"},
		{"ten gigabytes of disk", "f = open('/tmp/x', 'wb')\ntry:\n    for _ in range(10240): f.write(b'x' * (1 << 20)); f.flush()\n    print('ESCAPED')\nexcept OSError as e: print(e)", ""},
		{"ignoring signals", "import signal, time\nfor s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\ntime.sleep(60)", "time"},
		{"leaving a child behind", "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(3600)", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			res, err := b.Run(context.Background(), python(c.code))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(res.Stdout), "ESCAPED") {
				t.Errorf("escaped: %s", res.Stdout)
			}
			if c.over == "any" && res.Over == "" || c.over != "any" && res.Over != c.over {
				t.Errorf("ended by %q, want %q: exit %d, %.300s %.300s", res.Over, c.over, res.Exit, res.Stdout, res.Stderr)
			}
			if len(res.Stdout)+len(res.Stderr) > 64<<10 {
				t.Errorf("%d bytes of output are kept", len(res.Stdout)+len(res.Stderr))
			}
			if d := time.Since(began); d > 30*time.Second {
				t.Errorf("took %s", d)
			}
		})
	}
	t.Cleanup(func() {
		if body, err := os.ReadFile(outside); err != nil || string(body) != "secret" {
			t.Errorf("a file outside was changed: %q %v", body, err)
		}
		if len(reached) > 0 {
			t.Error("a program reached a server of this machine")
		}
		if runtime.GOOS == "linux" {
			if left := sleepers(t); left != "" {
				t.Errorf("a process outlived its sandbox: %s", left)
			}
		}
	})
}

func portOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func quote(s string) string { b, _ := json.Marshal(s); return string(b) }

// sleepers are processes that run a program of the tests still.
func sleepers(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left := ""
		for _, p := range found {
			if b, err := os.ReadFile(p); err == nil && bytes.Contains(b, []byte("/work/main.py")) {
				left = p
			}
		}
		if left == "" || time.Now().After(deadline) {
			return left
		}
	}
}

// TestHumanEval runs the published example samples, three of six of which the
// publishers accept, and every sixteenth problem with its own solution.
func TestHumanEval(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "shared", "data", "human-eval")
	type problem struct {
		Prompt   string
		Solution string `json:"canonical_solution"`
		Test     string
		Entry    string `json:"entry_point"`
		TaskID   string `json:"task_id"`
	}
	read := func(name string, each func([]byte)) {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Skipf("recorded data is not here: %v", err)
		}
		defer f.Close() //nolint:errcheck // opened for reading only
		sc := bufio.NewScanner(f)
		if strings.HasSuffix(name, ".gz") {
			z, err := gzip.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			sc = bufio.NewScanner(z)
		}
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			each(sc.Bytes())
		}
		if err := sc.Err(); err != nil {
			t.Fatal(err)
		}
	}
	run := func(p problem, completion, timeout string) eval.Score {
		g := sandbox.Code{Language: "python", Continue: true, Whole: true, Timeout: timeout, Box: box(t)}
		if err := g.Prepare(); err != nil {
			t.Fatal(err)
		}
		task := &eval.Task{ID: p.TaskID, Messages: []eval.Message{eval.TextMessage("user", p.Prompt)}}
		task.Expected, _ = json.Marshal(p.Test + "\ncheck(" + p.Entry + ")")
		return g.Grade(context.Background(), task, &eval.Response{Text: eval.Untrusted(completion)})
	}
	var example problem
	read("example_problem.jsonl", func(b []byte) {
		if err := json.Unmarshal(b, &example); err != nil {
			t.Fatal(err)
		}
	})
	var got []string
	read("example_samples.jsonl", func(b []byte) {
		var s struct{ Completion string }
		if err := json.Unmarshal(b, &s); err != nil {
			t.Fatal(err)
		}
		got = append(got, verdict(run(example, s.Completion, "3s")))
	})
	if strings.Join(got, " ") != "fail fail fail pass pass pass" {
		t.Errorf("the example samples: %v", got)
	}
	n := 0
	read("HumanEval.jsonl.gz", func(b []byte) {
		var p problem
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		if n++; n%16 != 1 && os.Getenv("INFER_TEST_ALL") == "" {
			return
		}
		if s := run(p, p.Solution, "20s"); verdict(s) != "pass" {
			t.Errorf("%s: %s%s", p.TaskID, s.Explanation, s.Error)
		}
		if s := run(p, "    return None\n", "20s"); verdict(s) != "fail" {
			t.Errorf("%s, with no solution: %s%s", p.TaskID, s.Explanation, s.Error)
		}
	})
	t.Logf("%d problems", n)
}

func TestNoSandboxIsNoFallback(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := sandbox.Find(context.Background(), "")
	if !errors.Is(err, sandbox.ErrNone) || eval.KindOf(err) != eval.KindInvalid || !strings.Contains(eval.Hint(err), "install bubblewrap") {
		t.Errorf("%v (%s)", err, eval.Hint(err))
	}
	for _, name := range []string{"bubblewrap", "podman", "docker"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not say what %s lacks", err, name)
		}
	}
}

// TestLeakySandbox: an engine that lets the network or the environment through
// does not pass the proof.
func TestLeakySandbox(t *testing.T) {
	dir := t.TempDir()
	fake := "#!/bin/sh\n[ \"$1\" = image ] && exit 0\nwhile [ \"$1\" != sh ]; do shift; done\nexec \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"sh", "base64", "chmod", "env", "ls"} {
		for _, at := range []string{"/bin/", "/usr/bin/"} {
			_ = os.Symlink(at+tool, filepath.Join(dir, tool)) // the second fails where the first is
		}
	}
	t.Setenv("PATH", dir)
	_, err := sandbox.Find(context.Background(), "")
	if err == nil || !strings.Contains(err.Error(), "does not hold") {
		t.Errorf("no sandbox at all passes the proof: %v", err)
	}
}

// TestEngineInside runs what a container engine is told to run, with bubblewrap in
// the engine's place: files arrive, the program starts, limits hold.
func TestEngineInside(t *testing.T) {
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		t.Skip("bubblewrap is not installed")
	}
	box(t)
	dir := t.TempDir()
	fake := "#!/bin/sh\n[ \"$1\" = image ] && exit 0\nwhile [ \"$1\" != sh ]; do shift; done\n" +
		"exec " + bwrap + " --unshare-all --uid 65534 --gid 65534 --cap-drop ALL --clearenv --setenv PATH /usr/bin:/bin --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 " +
		"--proc /proc --dev /dev --tmpfs /tmp --tmpfs /work --remount-ro / --chdir /tmp \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "podman"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/sh", filepath.Join(dir, "sh")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	b, err := sandbox.Find(context.Background(), "local")
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"def f(): return 42": "pass", "def f(): return 41": "fail"} {
		g := sandbox.Code{Language: "python", Tests: "assert f() == 42, 'it\\'s wrong'", Box: b}
		if err := g.Prepare(); err != nil {
			t.Fatal(err)
		}
		s := g.Grade(context.Background(), &eval.Task{}, &eval.Response{Text: eval.Untrusted(given)})
		if verdict(s) != want || !strings.Contains(s.Explanation.Raw(), "podman local") {
			t.Errorf("%s: %s %s%s", given, verdict(s), s.Explanation, s.Error)
		}
	}
}

func TestEngineArgs(t *testing.T) {
	t.Parallel()
	args := strings.Join(sandbox.EngineArgs(&sandbox.Job{Image: "img", Argv: []string{"python3", "/work/main.py"}, Limits: sandbox.Limits{Memory: 1 << 20, Processes: 8, Disk: 1 << 20}}), " ")
	for _, want := range []string{"--network none", "--read-only", "--cap-drop ALL", "--security-opt no-new-privileges", "--pids-limit 16", "--memory 1048576", "--memory-swap 1048576", "--pull never", "--user 65534:65534", "img sh -s -- python3 /work/main.py"} {
		if !strings.Contains(args, want) {
			t.Errorf("no %s in %s", want, args)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Setenv("INFER_CANARY", "seen")
	dir := t.TempDir()
	script := func(name, body string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return "./" + name
	}
	for _, c := range []struct{ name, body, timeout, want, says string }{
		{"pass", `grep -q '"answer":"it is 42"' && echo '{"pass": true, "value": 0.9, "explanation": "right"}'`, "", "pass", "right"},
		{"fail", `cat >/dev/null; echo '{"pass": false}'`, "", "fail", "says pass: false"},
		{"cannot judge", `echo '{"pass": null, "explanation": "no idea"}'`, "", "unscored", "no idea"},
		{"exit code", `echo boom >&2; exit 3`, "", "unscored", "exit code 3: boom"},
		{"no JSON", `echo yes`, "", "unscored", "not one object"},
		{"two objects", `echo '{"pass":true}{"pass":false}'`, "", "unscored", "not one object"},
		{"slow", `sleep 60`, "300ms", "unscored", "did not end within 300ms"},
		{"ignores signals and leaves a child", `trap '' TERM INT HUP; sleep 61 & sleep 61`, "300ms", "unscored", "did not end"},
		{"ten gigabytes", `exec cat /dev/zero`, "", "unscored", "wrote more than"},
		{"our environment", `if [ -n "$INFER_CANARY" ]; then echo '{"pass": true}'; else echo '{"pass": false}'; fi`, "", "fail", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := sandbox.Command{Command: []string{script("g.sh", c.body)}, Timeout: c.timeout, Dir: dir}
			if err := g.Prepare(); err != nil {
				t.Fatal(err)
			}
			s := g.Grade(context.Background(), &eval.Task{ID: "t", Raw: []byte(`{"input":"x"}`)}, &eval.Response{Text: "it is 42"})
			if said := s.Explanation.Raw() + s.Error.Raw(); verdict(s) != c.want || !strings.Contains(said, c.says) {
				t.Errorf("%s: %s; want %s, %q", verdict(s), said, c.want, c.says)
			}
		})
	}
	g := sandbox.Command{Command: []string{script("e.sh", `[ "$INFER_CANARY" = seen ] && echo '{"pass": true}'`)}, Env: []string{"INFER_CANARY"}, Dir: dir}
	if err := g.Prepare(); err != nil {
		t.Fatal(err)
	}
	if s := g.Grade(context.Background(), &eval.Task{}, &eval.Response{}); verdict(s) != "pass" {
		t.Errorf("a variable that was named: %+v", s)
	}
	missing := sandbox.Command{Command: []string{"./nosuch"}, Dir: dir}
	if err := missing.Prepare(); err != nil {
		t.Fatal(err)
	}
	if s := missing.Grade(context.Background(), &eval.Task{}, &eval.Response{}); verdict(s) != "unscored" {
		t.Errorf("a program that is not there: %+v", s)
	}
}
