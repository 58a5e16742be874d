//go:build unix

package sandbox

import (
	"os"
	"os/exec"
	"syscall"
)

// alone puts a command into a process group of its own.
func alone(c *exec.Cmd) {
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	c.SysProcAttr.Setpgid = true
}

// killAll kills a command's whole process group.
func killAll(c *exec.Cmd) error {
	if c.Process == nil {
		return os.ErrProcessDone
	}
	if err := syscall.Kill(-c.Process.Pid, syscall.SIGKILL); err != nil {
		return os.ErrProcessDone
	}
	return nil
}
