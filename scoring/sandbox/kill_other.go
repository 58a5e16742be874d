//go:build !unix

package sandbox

import (
	"os"
	"os/exec"
)

func alone(*exec.Cmd) {}

// killAll kills a command; its children are the container engine's.
func killAll(c *exec.Cmd) error {
	if c.Process == nil {
		return os.ErrProcessDone
	}
	return c.Process.Kill()
}
