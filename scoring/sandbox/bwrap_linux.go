package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// nobody is whom programs run as. Started by root, the sandbox itself is that
// user too: the kernel does not count root's processes.
const nobody = 65534

// path is where programs are looked for inside.
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/go/bin"

// bubblewrap makes a sandbox of namespaces with bwrap.
func bubblewrap(ctx context.Context, _ string) (*Box, error) {
	bin, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, errors.New("bubblewrap is not installed")
	}
	out, err := exec.CommandContext(ctx, bin, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("bubblewrap: %w", err)
	}
	b := &Box{name: strings.TrimSpace(string(out))}
	args := bwrapArgs()
	if _, err := exec.CommandContext(ctx, bin, "--unshare-user", "--disable-userns", "--ro-bind", "/", "/", "true").CombinedOutput(); err == nil {
		args = append(args, "--disable-userns") // from 0.8 on
	}
	b.command = func(ctx context.Context, job *Job) (*exec.Cmd, func(), error) {
		return bwrapCommand(ctx, bin, args, job)
	}
	return b, nil
}

// bwrapArgs are the arguments that every job has: nothing of the machine but its
// programs and libraries.
func bwrapArgs() []string {
	args := []string{"--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--new-session",
		"--uid", strconv.Itoa(nobody), "--gid", strconv.Itoa(nobody), "--hostname", "sandbox", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/usr", "/usr"}
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64"} {
		if to, err := os.Readlink(dir); err == nil {
			args = append(args, "--symlink", to, dir)
		} else if _, err := os.Stat(dir); err == nil {
			args = append(args, "--ro-bind", dir, dir)
		}
	}
	for _, dir := range []string{"/opt", "/nix/store", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d"} {
		args = append(args, "--ro-bind-try", dir, dir)
	}
	return append(args, "--proc", "/proc", "--dev", "/dev", "--setenv", "PATH", path, "--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8", "--dir", "/work")
}

func bwrapCommand(ctx context.Context, bin string, fixed []string, job *Job) (*exec.Cmd, func(), error) {
	args := append([]string(nil), fixed...)
	args = append(args, "--size", strconv.FormatInt(job.Limits.Disk, 10), "--tmpfs", "/tmp")
	for _, name := range sortedNames(job.Env) {
		args = append(args, "--setenv", name, job.Env[name])
	}
	type pipe struct {
		w    *os.File
		body []byte
	}
	var readers []*os.File
	var pipes []pipe
	names := sortedNames(job.Files)
	for i, name := range names {
		r, w, err := os.Pipe()
		if err != nil {
			for k := range readers {
				_, _ = readers[k].Close(), pipes[k].w.Close()
			}
			return nil, nil, fmt.Errorf("give files to the sandbox: %w", err)
		}
		readers, pipes = append(readers, r), append(pipes, pipe{w, job.Files[name]})
		args = append(args, "--perms", "0444", "--ro-bind-data", strconv.Itoa(3+i), "/work/"+name)
	}
	args = append(args, "--remount-ro", "/", "--chdir", "/tmp", "--", "sh", "-c", script(job.Limits), "sh")
	c := exec.CommandContext(ctx, bin, append(args, job.Argv...)...)
	c.Env, c.ExtraFiles = []string{}, readers
	if os.Geteuid() == 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return c, func() {
		for i := range pipes {
			_ = readers[i].Close()
			go func() {
				_, _ = pipes[i].w.Write(pipes[i].body) // a program that has ended does not read
				_ = pipes[i].w.Close()
			}()
		}
	}, nil
}
