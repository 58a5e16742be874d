//go:build !unix

package cli

// Foreground reports whether the terminal's keys come to this process; here there is no
// other way to run it.
func Foreground() bool { return true }
