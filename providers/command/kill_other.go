//go:build !unix

package command

import "os/exec"

func alone(*exec.Cmd) {}

// killAll kills a program; there are no process groups here.
func killAll(c *exec.Cmd) {
	if c.Process != nil {
		_ = c.Process.Kill() // gone already, or ours to kill
	}
}
