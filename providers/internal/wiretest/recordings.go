// Package wiretest is what the tests of every wire share: real recordings,
// requests to translate, and the promises that all wires keep alike. It is
// imported by tests only.
package wiretest

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Recording is one exchange of a go-vcr cassette.
type Recording struct {
	Request struct {
		URL  string `yaml:"url"`
		Body string `yaml:"body"`
	} `yaml:"request"`
	Response struct {
		Body    string              `yaml:"body"`
		Headers map[string][]string `yaml:"headers"`
		Code    int                 `yaml:"code"`
	} `yaml:"response"`
}

// Streamed reports whether the answer came as a stream.
func (r *Recording) Streamed() bool {
	body := strings.TrimSpace(r.Response.Body)
	return strings.HasPrefix(body, "data:") || strings.HasPrefix(body, "event:")
}

// ServeHTTP answers with the recording.
func (r *Recording) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for k, v := range r.Response.Headers {
		if len(v) > 0 && !strings.EqualFold(k, "Content-Length") && !strings.EqualFold(k, "Content-Encoding") && !strings.EqualFold(k, "Transfer-Encoding") {
			w.Header().Set(k, v[0])
		}
	}
	w.WriteHeader(r.Response.Code)
	_, _ = w.Write([]byte(r.Response.Body))
}

// shared finds the folder of real recordings, which are not part of this
// project.
func shared(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("INFER_SHARED"); dir != "" {
		return filepath.Join(dir, "data", "formats")
	}
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "data", "formats")
		}
	}
	return ""
}

// Recordings returns the real recordings whose address, without its query, is
// one that keep wants, by file. It skips the test where they are not there.
func Recordings(t testing.TB, keep func(address string) bool) map[string][]Recording {
	t.Helper()
	root := shared(t)
	out := make(map[string][]Recording)
	for _, folder := range []string{"fantasy-vcr", filepath.Join("envoy-ai-gateway", "cassettes")} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			list, err := cassette(path)
			for _, r := range list {
				if address, _, _ := strings.Cut(r.Request.URL, "?"); keep(address) {
					name, _ := filepath.Rel(root, path)
					out[name] = append(out[name], r)
				}
			}
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			t.Skipf("no recordings in %s: they are not part of this project", folder)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(out) == 0 {
		t.Skip("no recordings of this wire")
	}
	return out
}

// Format is a file of the recorded foreign formats. It skips the test where they are
// not there.
func Format(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(shared(t), filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no %s: it is not part of this project", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func cassette(path string) ([]Recording, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var c struct {
		Interactions []Recording `yaml:"interactions"`
	}
	err = yaml.Unmarshal(b, &c)
	return c.Interactions, err
}

// Serve answers every request with h and returns the server's address.
func Serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

// Closed is the address of a server that is not there, for the time of the test. The
// port is held by a connection's other end, so that nobody else comes to listen on it.
func Closed(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return "http://" + c.LocalAddr().String()
}
