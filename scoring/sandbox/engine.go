package sandbox

import (
	"context"
	"encoding/base64"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// DefaultImage is what container engines run where a grader names no image.
const DefaultImage = "docker.io/library/python:3-slim"

func podman(ctx context.Context, image string) (*Box, error) { return engine(ctx, "podman", image) }
func docker(ctx context.Context, image string) (*Box, error) { return engine(ctx, "docker", image) }

// engine makes a sandbox of containers. The image must be there already: nothing
// is fetched.
func engine(ctx context.Context, name, image string) (*Box, error) {
	if image == "" {
		image = DefaultImage
	}
	bin, err := exec.LookPath(name)
	if err != nil {
		return nil, fmt.Errorf("%s is not installed", name)
	}
	if out, err := exec.CommandContext(ctx, bin, "image", "inspect", "--format", "{{.Id}}", image).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s has no image %s (%s)", name, image, firstLine(string(out)))
	}
	return &Box{name: name + " " + image, image: image, command: func(ctx context.Context, job *Job) (*exec.Cmd, func(), error) {
		c := exec.CommandContext(ctx, bin, EngineArgs(job)...)
		c.Stdin = strings.NewReader(unpackScript(job))
		return c, func() {}, nil
	}}, nil
}

// EngineArgs are the arguments by which podman and docker run a job: no network,
// nothing writable but /tmp (and /work, until it is filled), no privileges, and
// limits.
func EngineArgs(job *Job) []string {
	l := job.Limits
	args := []string{"run", "--rm", "-i", "--pull", "never", "--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"--pids-limit", strconv.Itoa(l.Processes + 8), "--memory", strconv.FormatInt(l.Memory, 10), "--memory-swap", strconv.FormatInt(l.Memory, 10), "--cpus", "1",
		"--tmpfs", fmt.Sprintf("/tmp:rw,size=%d,mode=1777", l.Disk), "--tmpfs", fmt.Sprintf("/work:rw,size=%d,mode=0700,uid=65534,gid=65534", 16<<20),
		"--user", "65534:65534", "--workdir", "/tmp", "--hostname", "sandbox", "--env", "HOME=/tmp", "--env", "LANG=C.UTF-8"}
	for _, name := range sortedNames(job.Env) {
		args = append(args, "--env", name+"="+job.Env[name])
	}
	return append(append(args, job.Image, "sh", "-s", "--"), job.Argv...)
}

// unpackScript is what the container's shell reads: it writes the files, takes
// their folder's write permission away, and becomes the program.
func unpackScript(job *Job) string {
	var b strings.Builder
	b.WriteString("{\n") // read whole before its input goes
	for _, name := range sortedNames(job.Files) {
		fmt.Fprintf(&b, "base64 -d > /work/%s <<'END'\n%s\nEND\n", name, base64.StdEncoding.EncodeToString(job.Files[name]))
	}
	b.WriteString("chmod 0444 /work/*; chmod 0555 /work\n")
	fmt.Fprintf(&b, "exec </dev/null\n%s\n}\n", script(job.Limits))
	return b.String()
}
