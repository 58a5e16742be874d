//go:build unix

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// Foreground reports whether the terminal's keys come to this process: one that a shell
// runs in the background is stopped when it reads them or changes the terminal.
func Foreground() bool {
	group, err := unix.IoctlGetInt(int(os.Stdin.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
