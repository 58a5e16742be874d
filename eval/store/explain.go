package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"

	"infer/eval"
)

// SQLite's primary result codes that have words of their own here.
const (
	codeBusy     = 5
	codeLocked   = 6
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26
)

// explain gives SQLite's own errors the words, kind and hint of ours.
func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	var known *eval.Error
	if errors.As(err, &known) {
		return err
	}
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return fmt.Errorf("store %s: %w", path, err)
	}
	switch se.Code() & 0xff {
	case codeBusy, codeLocked:
		return eval.WithHint(eval.KindStore, fmt.Errorf("store %s is locked by another process: %w", path, err), "wait for it to end, or use another file: --store FILE")
	case codeCorrupt, codeNotADB:
		return damaged(path, err)
	case codeFull:
		return eval.WithHint(eval.KindOperational, fmt.Errorf("store %s: no space left: %w", path, err), "free some space and run the same command again: it continues where it stopped")
	case codeReadOnly, codeCantOpen:
		return eval.WithHint(eval.KindOperational, fmt.Errorf("store %s cannot be opened for this: %w", path, err), "its folder must be writable, for a reader too; or name another file: --store FILE")
	case codeIO:
		return eval.WithHint(eval.KindOperational, fmt.Errorf("store %s: the disk failed: %w", path, err), "check the disk, then `infer db check`; the file was not mended or deleted")
	}
	return fmt.Errorf("store %s: %w", path, err)
}

func isCantOpen(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && (se.Code()&0xff == codeCantOpen || se.Code()&0xff == codeReadOnly)
}

func damaged(path string, err error) error {
	return eval.WithHint(eval.KindOperational, fmt.Errorf("store %s is damaged: %w", path, err), "`infer db check` says where; the file was not mended or deleted")
}
