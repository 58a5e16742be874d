package store

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"infer/eval"
)

// staleAfter is how long a writing process may be silent before another may
// take its run over although it cannot be seen to have ended.
const staleAfter = time.Minute

// identity names this opening of a store among all that may write it: the host
// and a number drawn at random, since two containers may have the same process
// numbers and one process may open a store twice.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return host + "/" + hex.EncodeToString(b[:])
}

// holder is the process that last said that it writes a run.
type holder struct {
	pid    sql.NullInt64
	beat   sql.NullInt64 // microseconds
	writer sql.NullString
}

// holds reports whether that is another process than self which still does.
func (h holder) holds(self string, now time.Time) bool {
	switch {
	case !h.pid.Valid, h.writer.String == self, now.Sub(time.UnixMicro(h.beat.Int64)) > staleAfter:
		return false
	case !sameHost(h.writer.String, self):
		return true
	}
	return alive(int(h.pid.Int64))
}

func sameHost(a, b string) bool {
	hostA, _, known := strings.Cut(a, "/")
	hostB, _, _ := strings.Cut(b, "/")
	return !known || hostA == hostB // a file of version 1 does not say
}

func (h holder) err(run string) error {
	host, _, _ := strings.Cut(h.writer.String, "/")
	on := ""
	if host != "" {
		on = " on " + eval.Untrusted(host).Line(60)
	}
	return eval.WithHint(eval.KindStore, fmt.Errorf("run %s is being written by process %d%s", run, h.pid.Int64, on),
		"wait for it to end, or end it: the same command then continues where it stopped")
}

// errTaken is why a process stops writing a run.
func errTaken(run string) error {
	return eval.WithHint(eval.KindStore, fmt.Errorf("run %s was taken over by another process, since this one had been silent for more than %s", run, staleAfter),
		"let the other one end; the same command then continues where it stopped")
}
