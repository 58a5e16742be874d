//go:build !linux

package sandbox

import (
	"context"
	"errors"
)

// bubblewrap needs Linux.
func bubblewrap(context.Context, string) (*Box, error) {
	return nil, errors.New("bubblewrap needs Linux")
}
