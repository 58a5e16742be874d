//go:build unix

package datasets_test

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"infer/datasets"
	"infer/eval"
)

// png is a PNG header of an image of that size, and no image.
func png(width, height uint32) string {
	ihdr := append([]byte("IHDR"), 0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0)
	binary.BigEndian.PutUint32(ihdr[4:], width)
	binary.BigEndian.PutUint32(ihdr[8:], height)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	b = append(b, ihdr...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr)))
}

// attach reads a dataset of one task with one part and attaches it. The secret
// lies beside the dataset's folder.
func attach(t *testing.T, part string, o datasets.Options) (*eval.Part, error) {
	t.Helper()
	dir := write(t, map[string]string{"secret.txt": "secret", "data/d.jsonl": `{"input":[{"role":"user","content":[` + part + `]}]}`,
		"data/ok.txt": "hello", "data/ok.png": png(4, 4), "data/huge.png": png(50_000, 50_000), "data/fake.png": "<script>alert(1)</script>", "data/sub/deep.txt": "deep", "data/large.bin": strings.Repeat("x", 2048)})
	data := filepath.Join(dir, "data")
	for name, to := range map[string]string{"out.txt": "../secret.txt", "abs.txt": filepath.Join(dir, "secret.txt"), "in.txt": "ok.txt", "outdir": "..", "zero": "/dev/zero"} {
		if err := os.Symlink(to, filepath.Join(data, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(data, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, o, filepath.Join(data, "d.jsonl"))
	tasks, problems := read(s)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	err := s.Attach(tasks[0])
	return &tasks[0].Messages[0].Parts[0], err
}

// TestAttach loads what a dataset may name.
func TestAttach(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ part, data, mime string }{
		"file":             {`{"type":"file","path":"ok.txt"}`, "hello", "text/plain"},
		"in a folder":      {`{"type":"file","path":"sub/deep.txt"}`, "deep", "text/plain"},
		"a path that ends": {`{"type":"file","path":"sub/../ok.txt"}`, "hello", "text/plain"},
		"link inside":      {`{"type":"file","path":"in.txt"}`, "hello", "text/plain"},
		"image":            {`{"type":"image","path":"ok.png"}`, png(4, 4), "image/png"},
		"wrong MIME type":  {`{"type":"image","path":"ok.png","mime":"text/html"}`, png(4, 4), "image/png"},
		"MIME type kept":   {`{"type":"file","path":"ok.txt","mime":"text/csv"}`, "hello", "text/csv"},
		"inline":           {`{"type":"file","data":"aGVsbG8="}`, "hello", ""},
		"data URL":         {`{"type":"image_url","image_url":{"url":"data:image/png;base64,` + base64.StdEncoding.EncodeToString([]byte(png(4, 4))) + `"}}`, png(4, 4), "image/png"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := attach(t, c.part, datasets.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if string(p.Data) != c.data || p.Path != "" || p.URL != "" {
				t.Errorf("loaded as %+v", p)
			}
			if p.MIME != c.mime {
				t.Errorf("MIME type %q, want %q", p.MIME, c.mime)
			}
		})
	}
}

// TestAttachRefused shows that a dataset reads nothing outside its folder, nothing
// that is not a regular file, nothing without end, and fetches nothing.
func TestAttachRefused(t *testing.T) {
	t.Parallel()
	for part, want := range map[string]string{
		`{"type":"file","path":"../secret.txt"}`:                       "escapes",
		`{"type":"file","path":"sub/../../secret.txt"}`:                "escapes",
		`{"type":"file","path":"/etc/passwd"}`:                         "escapes",
		`{"type":"file","path":"out.txt"}`:                             "escapes",
		`{"type":"file","path":"abs.txt"}`:                             "escapes",
		`{"type":"file","path":"outdir/secret.txt"}`:                   "escapes",
		`{"type":"file","path":"zero"}`:                                "escapes",
		`{"type":"file","path":"/proc/self/environ"}`:                  "escapes",
		`{"type":"file","path":"pipe"}`:                                "not a regular file",
		`{"type":"file","path":"sub"}`:                                 "not a regular file",
		`{"type":"file","path":"none.txt"}`:                            "no such file",
		`{"type":"file","path":"large.bin"}`:                           "2048 bytes, more than the limit of 1024",
		`{"type":"image","path":"huge.png"}`:                           "50000 × 50000 pixels",
		`{"type":"image","path":"fake.png"}`:                           "not an image",
		`{"type":"image","path":"ok.txt"}`:                             "not an image",
		`{"type":"file","url":"file:///etc/passwd"}`:                   "the URL file:///etc/passwd is not allowed",
		`{"type":"file","url":"file://../../etc/passwd"}`:              "is not allowed",
		`{"type":"image_url","image_url":"http://169.254.169.254/"}`:   "is not allowed",
		`{"type":"image_url","image_url":"https://example.com/a.png"}`: "is not allowed",
		`{"type":"image_url","image_url":"data:image/png,abc"}`:        "not base64",
		`{"type":"image_url","image_url":"data:image/png;base64,!"}`:   "illegal base64",
		`{"type":"file","path":"a\u001b]52;c;x\u0007b"}`:               "attachment a␛]52;c;x␇b",
	} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			p, err := attach(t, part, datasets.Options{MaxAttachment: 1024})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("%v, want %q", err, want)
			}
			if eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" || !strings.Contains(err.Error(), "d.jsonl:1: ") {
				t.Errorf("%v: kind %v, hint %q", err, eval.KindOf(err), eval.Hint(err))
			}
			if strings.Contains(string(p.Data), "secret") {
				t.Error("it was read all the same")
			}
		})
	}
}

// TestAttachURLs leaves URLs to providers where the user allows them, and those of
// files to nobody.
func TestAttachURLs(t *testing.T) {
	t.Parallel()
	o := datasets.Options{AllowURLs: true}
	p, err := attach(t, `{"type":"image_url","image_url":"https://example.com/a.png"}`, o)
	if err != nil || p.URL != "https://example.com/a.png" || p.Data != nil {
		t.Errorf("%+v, %v", p, err)
	}
	for _, url := range []string{"file:///etc/passwd", "ftp://example.com/x", "gopher://x", "javascript:alert(1)"} {
		if _, err := attach(t, `{"type":"image_url","image_url":"`+url+`"}`, o); err == nil {
			t.Errorf("%s is allowed", url)
		}
	}
}

// TestAttachFolders opens each file's attachments below that file's own folder.
func TestAttachFolders(t *testing.T) {
	t.Parallel()
	line := `{"input":[{"role":"user","content":[{"type":"file","path":"a.txt"}]}]}`
	dir := write(t, map[string]string{"one/d.jsonl": line, "one/a.txt": "first", "two/d.jsonl": line, "two/a.txt": "second"})
	s := open(t, datasets.Options{}, filepath.Join(dir, "one", "d.jsonl"), filepath.Join(dir, "two", "d.jsonl"))
	tasks, _ := read(s)
	for i, want := range []string{"first", "second"} {
		if err := s.Attach(tasks[i]); err != nil || string(tasks[i].Messages[0].Parts[0].Data) != want {
			t.Errorf("task %d: %q, %v", i, tasks[i].Messages[0].Parts[0].Data, err)
		}
	}
	piped := open(t, datasets.Options{Stdin: strings.NewReader(line)}, "-")
	tasks, _ = read(piped)
	if err := piped.Attach(tasks[0]); err == nil || !strings.Contains(err.Error(), "has no folder") {
		t.Errorf("standard input: %v", err)
	}
}
