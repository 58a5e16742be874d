//go:build unix

package command

import (
	"os/exec"
	"syscall"
)

// alone puts a program into a process group of its own.
func alone(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killAll kills a program's whole process group.
func killAll(c *exec.Cmd) {
	if c.Process != nil {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // gone already, or ours to kill
	}
}
