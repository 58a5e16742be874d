// Package sandbox holds the graders that execute something: code that a model
// wrote, inside a sandbox, and a command of the project's own.
//
// Code runs without a network, without the machine's files but its programs and
// libraries (read-only), without its environment, as nobody, and within limits on
// time, memory, processes and output. There is no falling back to less: where no
// sandbox works, no code runs. A sandbox shows that it works before it is used: a
// script inside looks for what must not be there.
//
// Not guaranteed: that the kernel or the container engine has no hole; and that a
// program cannot deceive its own test, since both run in one process. A program
// that ends before its test does not pass, one that rewrites the test may.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sort"
	"strings"
	"time"

	"infer/eval"
)

// Limits bound one run.
type Limits struct {
	Time      time.Duration // wall clock
	Memory    int64         // bytes, of all processes together and of each
	Processes int           // at once
	Output    int           // bytes of standard output and error together
	Disk      int64         // bytes of the only folder that can be written
}

// Job is one program to run.
type Job struct {
	Files  map[string][]byte // by name; they are read-only, in /work
	Argv   []string
	Env    map[string]string // beside PATH, HOME and LANG
	Limits Limits
	Image  string // of a container engine; the others ignore it
}

// Result is how a run ended.
type Result struct {
	Exit   int
	Stdout []byte
	Stderr []byte
	// Over names the limit that ended the run: time, memory, processes or output;
	// "" = none did.
	Over string
	Took time.Duration
}

// Box runs jobs in one kind of sandbox. It is safe for concurrent use.
type Box struct {
	name  string // for people: "bubblewrap 0.8.0"
	slots chan struct{}
	// command turns a job into a command of this machine. What the function that it
	// returns starts must be called once the command has been started.
	command func(ctx context.Context, job *Job) (*exec.Cmd, func(), error)
	image   string // the image that was tried; "" = the sandbox needs none
}

// Name says which sandbox it is, for people.
func (b *Box) Name() string { return b.name }

// ErrNone is returned where no sandbox works here.
var ErrNone = errors.New("no sandbox works here")

// hint says how to get one.
const hint = "install bubblewrap (Debian, Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap) and allow user namespaces, or run podman or docker"

// Find returns the best sandbox that works: bubblewrap, else podman, else docker
// with an image that is there already. It fails with eval.KindInvalid and a hint
// that says what each of them lacks.
func Find(ctx context.Context, image string) (*Box, error) {
	var why []string
	for _, try := range []func(context.Context, string) (*Box, error){bubblewrap, podman, docker} {
		b, err := try(ctx, image)
		if err == nil {
			err = b.prove(ctx)
		}
		if err == nil {
			b.slots = make(chan struct{}, max(1, runtime.NumCPU()))
			return b, nil
		}
		why = append(why, err.Error())
	}
	return nil, eval.Invalid(fmt.Errorf("%w: %s", ErrNone, strings.Join(why, "; ")), hint)
}

// proof is a script that fails where something is within reach that must not be:
// a network but the loopback, a folder that can be written. It then shows its
// environment.
const proof = `n=0; while read -r line; do case "$line" in *lo:*) ;; *:*) n=1 ;; esac; done < /proc/net/dev
[ $n = 0 ] || { echo "there is a network"; exit 1; }
( : > /usr/infer-proof ) 2>/dev/null && { echo "/usr can be written"; exit 1; }
( : > /infer-proof ) 2>/dev/null && { echo "/ can be written"; exit 1; }
( : > /work/infer-proof ) 2>/dev/null && { echo "/work can be written"; exit 1; }
[ -e /root/. ] && ls /root/.[!.]* >/dev/null 2>&1 && { echo "/root is visible"; exit 1; }
: > /tmp/proof || { echo "/tmp cannot be written"; exit 1; }
echo proven
env`

// prove runs the proof inside.
func (b *Box) prove(ctx context.Context) error {
	res, err := b.run(ctx, &Job{Files: map[string][]byte{"proof.sh": []byte(proof)}, Argv: []string{"sh", "/work/proof.sh"}, Image: b.image,
		Limits: Limits{Time: 20 * time.Second, Memory: 256 << 20, Processes: 32, Output: 4096, Disk: 1 << 20}})
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", b.name, err)
	case res.Exit != 0 || !strings.HasPrefix(string(res.Stdout), "proven\n"):
		return fmt.Errorf("%s does not hold: %s", b.name, firstLine(string(res.Stdout)+string(res.Stderr)+" "+res.Over))
	}
	if name := shared(strings.Split(string(res.Stdout), "\n"), os.Environ()); name != "" {
		return fmt.Errorf("%s does not hold: the variable %s of this machine is visible", b.name, name)
	}
	return nil
}

// shared returns a variable that both environments have with the same value, but
// for those that every system has.
func shared(inside, outside []string) string {
	common := map[string]bool{"PATH": true, "HOME": true, "LANG": true, "LC_ALL": true, "TERM": true, "PWD": true, "SHLVL": true, "_": true, "HOSTNAME": true}
	ours := make(map[string]bool, len(outside))
	for _, kv := range outside {
		ours[kv] = true
	}
	for _, kv := range inside {
		if name, value, ok := strings.Cut(kv, "="); ok && value != "" && !common[name] && ours[kv] {
			return name
		}
	}
	return ""
}

func firstLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = s[:i]
	}
	return eval.Untrusted(s).Line(200)
}

// Run runs one job. An error means that the sandbox itself failed; what the
// program did is in the result.
func (b *Box) Run(ctx context.Context, job *Job) (Result, error) {
	select {
	case b.slots <- struct{}{}:
		defer func() { <-b.slots }()
	case <-ctx.Done():
		return Result{}, context.Cause(ctx)
	}
	return b.run(ctx, job)
}

// failedInside is the exit code by which the script around a program says that
// it could not set a limit.
const failedInside = 97

func (b *Box) run(ctx context.Context, job *Job) (Result, error) {
	res, err := execute(ctx, job.Limits, func(ctx context.Context) (*exec.Cmd, func(), error) { return b.command(ctx, job) })
	if err != nil {
		return res, err
	}
	if res.Exit == failedInside && strings.Contains(string(res.Stderr), "infer: ") {
		return res, fmt.Errorf("the sandbox failed: %s", firstLine(string(res.Stderr)))
	}
	return res, nil
}

// script wraps a program so that it first limits itself, where the kernel counts
// for each process, and then becomes the program.
func script(l Limits) string {
	return fmt.Sprintf(`fail() { echo "infer: cannot limit $1" >&2; exit %d; }
{ ulimit -u %d || ulimit -p %d; } 2>/dev/null || fail processes
ulimit -d %d 2>/dev/null || fail memory
ulimit -t %d 2>/dev/null || fail "processor time"
ulimit -f %d 2>/dev/null || fail files
ulimit -c 0 2>/dev/null || fail cores
exec "$@"`, failedInside, l.Processes, l.Processes, l.Memory>>10, int(l.Time/time.Second)+2, l.Disk>>9)
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}
