//go:build unix

package store

import (
	"errors"
	"syscall"
)

// alive reports whether a process of this machine exists, whoever owns it.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
