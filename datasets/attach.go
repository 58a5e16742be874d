package datasets

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // registers the decoder, for the dimensions
	_ "image/jpeg" // registers the decoder, for the dimensions
	_ "image/png"  // registers the decoder, for the dimensions
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"infer/eval"
)

// maxPixels bounds an image by its header, before anybody decodes it.
const maxPixels = 100_000_000

// Attach loads the contents of the task's parts that name a file or hold a
// data: URL. Files are opened below the dataset's folder and nowhere else,
// through links neither; only regular files up to Options.MaxAttachment are
// read. Other URLs are refused unless Options.AllowURLs, and then left to the
// provider to fetch.
func (s *Source) Attach(t *eval.Task) error {
	for i := range t.Messages {
		for j := range t.Messages[i].Parts {
			p := &t.Messages[i].Parts[j]
			if p.Type == eval.PartText || p.Data != nil {
				continue
			}
			if err := s.attach(s.folder(t), p); err != nil {
				return eval.Invalid(fmt.Errorf("%s:%d: %w", t.File, t.Line, err), "attachments are files below the dataset's folder, or inline base64")
			}
		}
	}
	return nil
}

// folder is the one that the task's attachments lie below: that of its file; "" =
// none.
func (s *Source) folder(t *eval.Task) string {
	for _, f := range s.files {
		if f.name == t.File && f.path != s.remove {
			return filepath.Dir(f.path)
		}
	}
	return ""
}

func (s *Source) attach(dir string, p *eval.Part) error {
	switch {
	case strings.HasPrefix(p.URL, "data:"):
		return inline(p)
	case p.URL != "":
		if !s.opts.AllowURLs || !strings.HasPrefix(p.URL, "https://") && !strings.HasPrefix(p.URL, "http://") {
			return fmt.Errorf("the URL %s is not allowed (--allow-urls lets providers fetch http and https)", eval.Untrusted(p.URL).Line(100))
		}
		return nil
	case p.Path == "":
		return errors.New("a part without contents")
	}
	data, err := s.readBelow(dir, p.Path)
	if err != nil {
		return fmt.Errorf("attachment %s: %w", eval.Untrusted(p.Path).Line(100), err)
	}
	p.Data, p.Path = data, ""
	return describe(p)
}

func (s *Source) readBelow(dir, name string) (data []byte, err error) {
	if dir == "" {
		return nil, errors.New("a dataset from standard input has no folder for attachments")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if info.Size() > s.opts.MaxAttachment {
		return nil, fmt.Errorf("%d bytes, more than the limit of %d", info.Size(), s.opts.MaxAttachment)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, info.Size())) // no more than was looked at
}

func inline(p *eval.Part) error {
	head, body, ok := strings.Cut(strings.TrimPrefix(p.URL, "data:"), ",")
	mime, isBase64 := strings.CutSuffix(head, ";base64")
	if !ok || !isBase64 {
		return errors.New("a data: URL that is not base64")
	}
	data, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return fmt.Errorf("a data: URL: %w", err)
	}
	p.Data, p.URL, p.MIME = data, "", mime
	return describe(p)
}

// describe sets the MIME type from the contents and checks an image's size.
func describe(p *eval.Part) error {
	found := http.DetectContentType(p.Data)
	if p.MIME == "" {
		p.MIME, _, _ = strings.Cut(found, ";")
	}
	if p.Type != eval.PartImage && p.Type != eval.PartVideoFrame {
		return nil
	}
	if !strings.HasPrefix(found, "image/") {
		return fmt.Errorf("not an image: its contents look like %s", found)
	}
	p.MIME = found
	c, _, err := image.DecodeConfig(bytes.NewReader(p.Data))
	if errors.Is(err, image.ErrFormat) {
		return nil // a format whose header we do not read, such as WebP
	}
	if err != nil {
		return fmt.Errorf("image header: %w", err)
	}
	if int64(c.Width)*int64(c.Height) > maxPixels {
		return fmt.Errorf("image of %d × %d pixels is larger than %d", c.Width, c.Height, maxPixels)
	}
	return nil
}
