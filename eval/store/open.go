// Package store keeps runs in one SQLite file: plans, tasks, trials, every
// attempt, grades, texts and the roll-ups that reports are made from.
//
// One goroutine writes, in groups; readers have connections of their own. What
// a call was acknowledged for survives a kill -9 of the process; a power cut may
// lose the last group, since the write-ahead log is not synchronised on every
// commit. An intent is written before a paid call, so that a crash leaves
// "outcome unknown" behind and never nothing.
//
// The store knows no statistics and no provider. It never deletes or mends a
// damaged file: it names it.
package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"infer/eval"
)

// Options of Open.
type Options struct {
	Now  func() time.Time // nil = time.Now
	Wait time.Duration    // for another process's lock, in milliseconds at least; 0 = 10 s
}

// Store is one open file.
type Store struct {
	path string
	now  func() time.Time
	read *sql.DB // several connections, read-only
	w    *writer // nil when opened read-only
	self string  // who this process is to the others that write the file
	zstd *zstd.Decoder

	mu      sync.Mutex
	tallies map[int64]*tally // by run
}

// defaultWait is how long a connection waits for another process's lock.
const defaultWait = 10 * time.Second

// pragmas of every connection, as name and value, after the wait for a lock.
// trusted_schema and cell_size_check defend against a file that was made to be
// opened.
var pragmas = [][2]string{{"foreign_keys", "1"}, {"trusted_schema", "0"}, {"cell_size_check", "1"}, {"temp_store", "2"}}

// writing are those of the connection that writes. secure_delete overwrites what
// is deleted: a run that somebody deletes shall be gone.
var writing = [][2]string{{"journal_mode", "wal"}, {"synchronous", "1"}, {"cache_size", "-16000"}, {"wal_autocheckpoint", "4000"}, {"secure_delete", "1"}}

// reading are those of the connections that only read.
var reading = [][2]string{{"query_only", "1"}, {"cache_size", "-8000"}}

// Open opens the file for reading and writing, makes it if it is not there
// (mode 0600, its folder 0700), and migrates an older one.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait <= 0 {
		o.Wait = defaultWait
	}
	if err := create(path); err != nil {
		return nil, err
	}
	if err := inspect(path); err != nil {
		return nil, err
	}
	name := dsn(path, "rwc", o.Wait, writing)
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	defer db.Close() //nolint:errcheck // the writer has a connection of its own by then
	db.SetMaxOpenConns(1)
	if err := readBack(ctx, db); err != nil {
		return nil, explain(path, err)
	}
	if err := migrate(ctx, db, path); err != nil {
		return nil, explain(path, err)
	}
	s := &Store{path: path, now: o.Now, self: identity(), zstd: newDecoder(), tallies: make(map[int64]*tally)}
	if s.w, err = newWriter(name); err != nil {
		return nil, explain(path, err)
	}
	if s.read, err = readers(path, "ro"); err != nil {
		_ = errors.Join(s.w.end(), s.w.close())
		return nil, err
	}
	return s, nil
}

// OpenReadOnly opens an existing file for reading only.
func OpenReadOnly(ctx context.Context, path string) (*Store, error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		if err == nil || errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("no store at %s", path)
		}
		return nil, eval.Invalid(err, "`infer eval PATH` makes one, `--store FILE` names another")
	}
	if err := inspect(path); err != nil {
		return nil, err
	}
	db, err := readers(path, "ro")
	if err != nil {
		return nil, err
	}
	version, err := fileVersion(ctx, db, path)
	if isCantOpen(err) && !exists(path+"-wal") {
		// Without a log nobody writes, and a reader needs none of its own: so a store
		// on a medium that cannot be written is read as it stands.
		_ = db.Close()
		if db, err = readers(path, "ro&immutable=1"); err != nil {
			return nil, err
		}
		version, err = fileVersion(ctx, db, path)
	}
	if err != nil {
		_ = db.Close()
		return nil, explain(path, err)
	}
	if version == 0 {
		_ = db.Close()
		return nil, eval.Invalid(fmt.Errorf("store %s is empty: what made it was stopped before it wrote anything", path), "`infer eval PATH` fills it")
	}
	if version < schemaVersion() {
		_ = db.Close()
		return nil, eval.WithHint(eval.KindStore, fmt.Errorf("store %s was made by an older infer (format %d, this one reads %d)", path, version, schemaVersion()),
			"`infer db check` opens it for writing and migrates it")
	}
	return &Store{path: path, now: time.Now, read: db, zstd: newDecoder()}, nil
}

// Path returns the file's path as it was given.
func (s *Store) Path() string { return s.path }

// Close writes what is waiting and closes the file. The writer goes last: the
// last connection moves the log into the file and removes it, which one that only
// reads cannot do.
func (s *Store) Close() error {
	var err error
	if s.w != nil {
		err = s.w.end()
	}
	err = errors.Join(err, s.read.Close())
	if s.w != nil {
		err = errors.Join(err, s.w.close())
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func readers(path, mode string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, mode, defaultWait, reading))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	// No upper limit: a reader that asks something else while it reads would wait
	// for ever once every connection is held by another one that does the same.
	db.SetMaxIdleConns(4)
	return db, nil
}

func dsn(path, mode string, wait time.Duration, more [][2]string) string {
	q := make(url.Values)
	if mode == "rwc" {
		q.Set("_txlock", "immediate") // a transaction that reads first and then writes would fail at once when another wrote meanwhile
	}
	busy := [][2]string{{"busy_timeout", strconv.FormatInt(wait.Milliseconds(), 10)}} // first: the others may need a lock
	for _, list := range [][][2]string{busy, pragmas, more} {
		for _, p := range list {
			q.Add("_pragma", p[0]+"("+p[1]+")")
		}
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=" + mode + "&" + q.Encode()
}

// readBack makes sure that the writing connection is what was asked for: SQLite
// ignores a pragma that it cannot honour, and a file system without shared memory
// cannot have a write-ahead log.
func readBack(ctx context.Context, db *sql.DB) error {
	for _, list := range [][][2]string{pragmas, writing} {
		for _, p := range list {
			var got string
			if err := db.QueryRowContext(ctx, "PRAGMA "+p[0]).Scan(&got); err != nil {
				return err
			}
			if got != p[1] {
				return eval.WithHint(eval.KindOperational, fmt.Errorf("SQLite has %s=%s where infer needs %s", p[0], got, p[1]), "keep the store on a local disk: --store FILE")
			}
		}
	}
	return nil
}

// create makes the folder and an empty file with tight modes; SQLite gives the
// files beside it the same mode.
func create(path string) error {
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return eval.WithHint(eval.KindOperational, fmt.Errorf("make folder of store: %w", err), "name a store in a folder you may write: --store FILE")
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return eval.WithHint(eval.KindOperational, fmt.Errorf("open store: %w", err), "name a file you may write: --store FILE")
	}
	return f.Close()
}

// inspect refuses a file that is not a store before SQLite sees it, which would
// already change another program's file. It reads the header: an infer store
// bears its mark, and a file without a mark must be empty.
func inspect(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return eval.WithHint(eval.KindOperational, fmt.Errorf("open store: %w", err), "name another file: --store FILE")
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	head := make([]byte, 108)
	n, err := io.ReadFull(f, head)
	if n == 0 && errors.Is(err, io.EOF) {
		return nil // new
	}
	if n < 16 || string(head[:16]) != "SQLite format 3\x00" {
		return eval.Invalid(fmt.Errorf("%s is not an infer store", path), "name the right file with --store FILE; this one was not touched")
	}
	if n < len(head) {
		return damaged(path, errors.New("it ends within its header"))
	}
	version, app := binary.BigEndian.Uint32(head[60:]), binary.BigEndian.Uint32(head[68:])
	empty := version == 0 && head[100] == 0x0d && head[103] == 0 && head[104] == 0 // the first page is a leaf without a cell: no table
	if app != applicationID && (app != 0 || !empty) {
		return foreign(path)
	}
	return nil
}
