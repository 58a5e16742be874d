package store

import (
	"context"
	"strings"

	"infer/eval"
)

// SetMaxPages bounds the file's size, in pages, as a full disk would.
func SetMaxPages(s *Store, pages string) error {
	return s.w.wait(context.Background(), func(t *tx) error {
		return t.exec("PRAGMA max_page_count = " + pages)
	})
}

// Fail makes a group fail after it has done something.
func Fail(s *Store, err error) error {
	return s.w.wait(context.Background(), func(t *tx) error {
		if e := t.exec("DELETE FROM runs"); e != nil {
			return e
		}
		return err
	})
}

// Forget drops the roll-ups of every run, so that Cells scans.
func Forget(s *Store) error {
	return s.w.wait(context.Background(), func(t *tx) error { return t.exec("UPDATE runs SET rolled = 0") })
}

// Identify makes a store another process of another host.
func Identify(s *Store, as string) { s.self = as }

// Block locks the file for writing until the function it returns is called.
func Block(s *Store) (release func()) {
	held, free, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_ = s.w.wait(context.Background(), func(*tx) error {
			close(held)
			<-free
			return nil
		})
	}()
	<-held
	return func() { close(free); <-done }
}

// LetGo makes every run look as if its writer had died.
func LetGo(s *Store) {
	host, _, _ := strings.Cut(s.self, "/")
	_ = s.w.wait(context.Background(), func(t *tx) error {
		return t.exec("UPDATE runs SET writer_pid = 2147483647, writer = ?", host+"/dead")
	})
}

// PlantBomb stores a text that unpacks to n zero bytes, and returns its digest.
func PlantBomb(s *Store, n int) eval.Digest {
	d := eval.DigestOf([]byte("bomb"))
	_ = s.w.wait(context.Background(), func(t *tx) error {
		z := t.pack.enc.EncodeAll(make([]byte, n), nil)
		return t.exec("INSERT INTO payloads (digest, codec, body) VALUES (?, 1, ?)", d[:], z)
	})
	return d
}
