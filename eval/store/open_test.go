package store_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/store"
)

// TestMain lets the test binary stand in for another process that writes.
func TestMain(m *testing.M) {
	if path := os.Getenv("INFER_TEST_HOLD"); path != "" {
		os.Exit(hold(path))
	}
	os.Exit(m.Run())
}

// hold opens a run for writing, says so and waits to be told to end.
func hold(path string) int {
	s, err := store.Open(context.Background(), path, store.Options{})
	if err != nil {
		return 1
	}
	if _, err := s.StartRun(context.Background(), newRun("r1", "a")); err != nil {
		return 2
	}
	_, _ = os.Stdout.WriteString("held\n")
	_, _ = io.ReadAll(os.Stdin)
	if err := s.FinishRun(context.Background(), "r1", eval.RunIncomplete); err != nil {
		return 3
	}
	return 0
}

// otherProcess is a process that holds run r1 of a store until end is called.
func otherProcess(t *testing.T, path string) (pid int, end func(kill bool)) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "INFER_TEST_HOLD="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 5)
	if _, err := io.ReadFull(out, said); err != nil {
		t.Fatalf("the other process: %v", errors.Join(err, cmd.Wait()))
	}
	return cmd.Process.Pid, func(kill bool) {
		if kill {
			_ = cmd.Process.Kill()
		}
		_ = in.Close()
		if err := cmd.Wait(); err != nil && !kill {
			t.Errorf("the other process: %v", err)
		}
	}
}

// TestOpen makes a file that nobody else may read, in a folder that was not
// there. That SQLite took every pragma is checked by Open itself.
func TestOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "not", "there yet", "a ?#%.db")
	s := open(t, path)
	begin(t, s, newRun("r1", "a"), 1)
	for name, want := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, filepath.Dir(path): 0o700 | os.ModeDir} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %s, want %s", filepath.Base(name), info.Mode(), want)
		}
	}
	if s.Path() != path {
		t.Errorf("path %s", s.Path())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Beat(t.Context(), "r1"); err == nil {
		t.Error("a closed store took a write")
	}
	if b, err := os.ReadFile(path); err != nil || len(b) == 0 || fileExists(path+"-wal") {
		t.Errorf("after Close: %d bytes, a log: %v, %v", len(b), fileExists(path+"-wal"), err)
	}
}

func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// unpacked writes a packed fixture to a file of its own.
func unpacked(t testing.TB, name string) string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), strings.TrimSuffix(name, ".gz"))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMigrate brings a file that version 1 wrote to the newest format; what it
// says of its run is what the program said that wrote it.
func TestMigrate(t *testing.T) {
	t.Parallel()
	path := unpacked(t, "v1.db.gz")
	if _, err := store.OpenReadOnly(t.Context(), path); eval.KindOf(err) != eval.KindStore || !strings.Contains(err.Error(), "older infer (format 1, this one reads") {
		t.Errorf("opened for reading before it was migrated: %v", err)
	}
	s := open(t, path)
	if problems, err := s.Check(t.Context()); err != nil || len(problems) > 0 {
		t.Fatalf("after the migration: %v, %v", problems, err)
	}
	run, err := s.Run(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	// As `infer report --format json` of version 1 printed them.
	for candidate, want := range []struct {
		n, accepted, rejected, errored, attempts, retries, regenerations int64
		cost                                                             string
	}{{24, 23, 1, 0, 28, 3, 1, "0.001446"}, {24, 13, 6, 5, 45, 8, 8, "0.0000623"}} {
		c := overall(t, s, run.ID, candidate)
		if c.N != want.n || c.Accepted != want.accepted || c.Rejected != want.rejected || c.Errored != want.errored || c.Attempts != want.attempts ||
			c.Retries != want.retries || c.Regenerations != want.regenerations || c.Cost().Low.String() != want.cost || !c.Cost().Known() {
			t.Errorf("candidate %d: %d trials, %d accepted, %d rejected, %d errored, %d attempts, %d retries, %d regenerations, $%s; want %+v", candidate,
				c.N, c.Accepted, c.Rejected, c.Errored, c.Attempts, c.Retries, c.Regenerations, c.Cost().Low, want)
		}
	}
	if again := open(t, path); again == nil {
		t.Error("a migrated file does not open again")
	}
	long := trials(t, s, run.ID, store.Filter{TaskID: "t5"})
	if len(long) != 2 {
		t.Errorf("%d trials of task t5, want one of each candidate", len(long))
	}
	if !strings.Contains(string(lineOf(t, s, run.ID, "t5")), strings.Repeat("words ", 60)) {
		t.Error("the long task line did not survive")
	}
}

func lineOf(t testing.TB, s *store.Store, run, id string) []byte {
	t.Helper()
	for l, err := range s.Lines(t.Context(), run) {
		if err != nil {
			t.Fatal(err)
		}
		if l.ID == id {
			return l.Raw
		}
	}
	t.Fatalf("no line of task %s", id)
	return nil
}

// header writes a number into an SQLite file's header.
func header(t *testing.T, path string, at int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(b, at)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// stored is the path of a closed store with one run in it.
func stored(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "infer.db")
	s := open(t, path)
	j := begin(t, s, newRun("r1", "a"), 40)
	for i := range 40 {
		trial := plain(i, 0, i%3 == 0, 5)
		trial.Attempts[0].Output = eval.Untrusted(strings.Repeat("a long answer ", 40) + trial.TaskID)
		record(t, j, trial)
	}
	if err := errors.Join(s.FinishRun(t.Context(), "r1", eval.RunComplete), s.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRefuses: files that are not stores, or not whole, are named and left as
// they are, whoever opens them.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		make func(t *testing.T) string
		kind eval.Kind
		says string
	}{
		{"a newer format", func(t *testing.T) string {
			path := stored(t)
			header(t, path, 60, []byte{0, 0, 3, 231})
			return path
		}, eval.KindStore, "made by a newer infer (format 999"},
		{"another program's marked database", func(t *testing.T) string {
			path := stored(t)
			header(t, path, 68, []byte("GPKG"))
			return path
		}, eval.KindInvalid, "a database of another program"},
		{"another program's unmarked database", func(t *testing.T) string {
			path := stored(t)
			header(t, path, 60, make([]byte, 12))
			return path
		}, eval.KindInvalid, "a database of another program"},
		{"a text", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "notes.txt")
			if err := os.WriteFile(path, []byte("my notes, which nobody else has"), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, eval.KindInvalid, "is not an infer store"},
		{"a few bytes", func(t *testing.T) string {
			path := filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(path, []byte("SQL"), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, eval.KindInvalid, "is not an infer store"},
		{"a store cut within its header", func(t *testing.T) string {
			path := stored(t)
			if err := os.Truncate(path, 50); err != nil {
				t.Fatal(err)
			}
			return path
		}, eval.KindOperational, "is damaged"},
		{"a store cut after its first page", func(t *testing.T) string {
			path := stored(t)
			if err := os.Truncate(path, 4096); err != nil {
				t.Fatal(err)
			}
			return path
		}, eval.KindOperational, "is damaged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := tc.make(t)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for mode, open := range map[string]func() (*store.Store, error){
				"writing": func() (*store.Store, error) { return store.Open(t.Context(), path, store.Options{}) },
				"reading": func() (*store.Store, error) { return store.OpenReadOnly(t.Context(), path) },
			} {
				s, err := open()
				if err == nil { // a cut file may open; the first real query must say it
					_, err = s.Cells(t.Context(), "r1")
					err = errors.Join(err, s.Close())
				}
				if err == nil || eval.KindOf(err) != tc.kind || !strings.Contains(err.Error(), tc.says) || eval.Hint(err) == "" {
					t.Errorf("opened for %s: %v (kind %d, hint %q); want kind %d and %q", mode, err, eval.KindOf(err), eval.Hint(err), tc.kind, tc.says)
				}
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed: %d bytes before, %d after: %v", len(before), len(after), err)
			}
		})
	}
}

// TestDamage: overwritten pages are found by the check, and what reads them says
// so; nothing is deleted.
func TestDamage(t *testing.T) {
	t.Parallel()
	path := stored(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := info.Size() - 2*4096; at < info.Size(); at += 4096 { // texts; the schema stands before them
		header(t, path, at, bytes.Repeat([]byte{0xa5}, 64))
	}
	s, err := store.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // opened for reading only
	problems, err := s.Check(t.Context())
	if err != nil || len(problems) == 0 {
		t.Errorf("the check found nothing: %v", err)
	}
	var found error
	for _, err := range s.Trials(t.Context(), "r1", store.Filter{}) {
		found = err
	}
	if found == nil || !strings.Contains(found.Error(), "is damaged") || !strings.Contains(eval.Hint(found), "db check") {
		t.Errorf("reading a damaged file: %v", found)
	}
	if now, err := os.Stat(path); err != nil || now.Size() != info.Size() {
		t.Errorf("the file is gone or cut: %v", err)
	}
}

// TestAbsent: reading makes nothing.
func TestAbsent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none.db")
	if _, err := store.OpenReadOnly(t.Context(), path); eval.KindOf(err) != eval.KindInvalid || !strings.Contains(err.Error(), "no store at") {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenReadOnly(t.Context(), path); eval.KindOf(err) != eval.KindInvalid {
		t.Errorf("an empty file: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Error("the empty file was changed")
	}
	if s := open(t, path); s == nil {
		t.Error("an empty file cannot become a store")
	}
	if _, err := store.Open(t.Context(), t.TempDir(), store.Options{}); err == nil || eval.Hint(err) == "" {
		t.Errorf("a folder: %v", err)
	}
}

// TestReadOnlyFolder: where nothing can be written, the error says where to go.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if f, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		_ = f.Close()
		t.Skip("this user may write anywhere")
	}
	for _, path := range []string{filepath.Join(dir, "infer.db"), filepath.Join(dir, "sub", "infer.db")} {
		_, err := store.Open(t.Context(), path, store.Options{})
		if eval.KindOf(err) != eval.KindOperational || !strings.Contains(eval.Hint(err), "--store FILE") {
			t.Errorf("%v, hint %q", err, eval.Hint(err))
		}
	}
}

// TestReadOnlyMedium: a closed store is read where nothing can be written.
func TestReadOnlyMedium(t *testing.T) {
	t.Parallel()
	path := stored(t)
	if err := errors.Join(os.Chmod(path, 0o400), os.Chmod(filepath.Dir(path), 0o500)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Dir(path), 0o700) })
	if f, err := os.Create(filepath.Join(filepath.Dir(path), "probe")); err == nil {
		_ = f.Close()
		t.Skip("this user may write anywhere")
	}
	s, err := store.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // opened for reading only
	if n := overall(t, s, "r1", 0).N; n != 40 {
		t.Errorf("%d trials, want 40", n)
	}
}

// TestLocked: a file that another connection keeps locked is kind store, after a
// wait.
func TestLocked(t *testing.T) {
	t.Parallel()
	path := stored(t)
	a := open(t, path)
	b, err := store.Open(t.Context(), path, store.Options{Now: newClock().now, Wait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // it wrote nothing
	release := store.Block(a)
	err = b.DeleteRun(t.Context(), "r1")
	if eval.KindOf(err) != eval.KindStore || !strings.Contains(err.Error(), "locked by another process") {
		t.Errorf("%v", err)
	}
	if c, err := store.OpenReadOnly(t.Context(), path); err != nil {
		t.Errorf("a reader must not wait: %v", err)
	} else if n := overall(t, c, "r1", 0).N; n != 40 || c.Close() != nil {
		t.Errorf("it read %d trials", n)
	}
	release()
	if err := b.DeleteRun(t.Context(), "r1"); err != nil {
		t.Errorf("after the lock was gone: %v", err)
	}
}

// TestFullDisk: when the file cannot grow, what was committed stays, the error
// says so, and it goes on once there is room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	j := begin(t, s, newRun("r1", "a"), 4000)
	record(t, j, plain(0, 0, true, 1))
	if err := store.SetMaxPages(s, "1"); err != nil { // no more than it has now
		t.Fatal(err)
	}
	var full error
	committed := int64(0)
	for i := 1; i < 4000 && full == nil; i++ {
		full = errors.Join(j.Record(t.Context(), plain(i, 0, true, 1)), j.Flush(t.Context()))
		if full == nil {
			committed++
		}
	}
	if full == nil || !strings.Contains(full.Error(), "no space left") || eval.KindOf(full) != eval.KindOperational || !strings.Contains(eval.Hint(full), "same command again") {
		t.Fatalf("after %d trials: %v, hint %q", committed, full, eval.Hint(full))
	}
	if err := j.Intend(t.Context(), eval.Intent{TaskSeq: 1, At: newClock().at}); err == nil {
		for i := range 10_000 { // an intent is small: it may still fit
			if err = j.Intend(t.Context(), eval.Intent{TaskSeq: i, At: newClock().at}); err != nil {
				break
			}
		}
		if err == nil {
			t.Error("intents are acknowledged on a full disk")
		}
	}
	if problems, err := s.Check(t.Context()); err != nil || len(problems) > 0 {
		t.Errorf("after a full disk: %v, %v", problems, err)
	}
	if n := overall(t, s, "r1", 0).N; n != 1+committed {
		t.Errorf("%d trials, want the %d that were acknowledged", n, 1+committed)
	}
}

// TestBackup is a whole copy, made once.
func TestBackup(t *testing.T) {
	t.Parallel()
	s := open(t, stored(t))
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info.Mode(), err)
	}
	if err := s.Backup(t.Context(), path); eval.KindOf(err) != eval.KindInvalid {
		t.Errorf("over an existing file: %v", err)
	}
	c := open(t, path)
	if got, want := asJSON(t, overall(t, c, "r1", 0)), asJSON(t, overall(t, s, "r1", 0)); got != want {
		t.Errorf("the copy says %s, the store %s", got, want)
	}
}
