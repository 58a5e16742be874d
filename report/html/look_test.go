package html_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What a screenshot is compared by: the mean colours of its fields. A field is much
// larger than a letter, so that another font, or another way to smooth one, changes it
// little; a plot or a table that is missing, moved or of another colour changes it much.
const (
	field     = 50   // pixels
	sameMean  = 6.0  // mean difference of the fields' colours that passes, of 255
	otherMean = 12.0 // that a broken page must reach
	lookWide  = 1000 // pixels
	lookHigh  = 2400
)

// TestLook compares screenshots of the page with golden ones: light, dark, on a narrow
// screen and as it is printed. Pages that are broken on purpose must differ.
func TestLook(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	html := render(t, page(t, 12, 4))
	printed := asPrinted(t, html)
	for name, look := range map[string]struct {
		page []byte
		dark bool
		wide int
	}{"light": {html, false, lookWide}, "dark": {html, true, lookWide}, "narrow": {html, false, 480}, "print": {printed, false, lookWide}} {
		t.Run(name, func(t *testing.T) {
			got := fields(screenshot(t, browser, look.page, look.dark, look.wide))
			path := filepath.Join("testdata", "look", name+".png")
			if *update {
				writePNG(t, path, got)
			}
			want := readPNG(t, path)
			if d := difference(want, got); d > sameMean {
				keep := filepath.Join(os.TempDir(), "infer-look-"+name+".png")
				writePNG(t, keep, got)
				t.Errorf("its fields differ by %.1f of 255, at most %.1f is the same; those of now are in %s, -update accepts them", d, sameMean, keep)
			}
		})
	}
	light := readPNG(t, filepath.Join("testdata", "look", "light.png"))
	for name, broken := range map[string][]byte{
		"without its style":    style.ReplaceAll(html, nil),
		"without its plots":    regexp.MustCompile(`(?s)<svg.*?</svg>`).ReplaceAll(html, nil),
		"without its decision": regexp.MustCompile(`(?s)<section aria-labelledby="decision">.*?</section>`).ReplaceAll(html, nil),
	} {
		if bytes.Equal(broken, html) {
			t.Errorf("%s: nothing was taken out", name)
			continue
		}
		if d := difference(light, fields(screenshot(t, browser, broken, false, lookWide))); d < otherMean {
			t.Errorf("%s: its fields differ by %.1f of 255 only: the comparison would not see it", name, d)
		} else {
			t.Logf("%s: its fields differ by %.1f of 255", name, d)
		}
	}
}

var style = regexp.MustCompile(`(?s)<style>(.*?)</style>`)

// asPrinted is the page with its style for print on the screen. The policy of the page
// names the style by its hash, so that changes too.
func asPrinted(t *testing.T, page []byte) []byte {
	t.Helper()
	old := style.FindSubmatch(page)
	if old == nil || !bytes.Contains(old[1], []byte("@media print")) {
		t.Fatal("the page has no style for print")
	}
	now := bytes.Replace(old[1], []byte("@media print"), []byte("@media all"), 1)
	out := bytes.Replace(page, old[1], now, 1)
	hash := func(b []byte) []byte {
		sum := sha256.Sum256(b)
		return []byte("sha256-" + base64.StdEncoding.EncodeToString(sum[:]))
	}
	// A template writes the signs of the hash that HTML could take for its own as numbers.
	plus := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("+"), []byte("&#43;")) }
	out = bytes.Replace(out, hash(old[1]), hash(now), 1)
	return bytes.Replace(out, plus(hash(old[1])), plus(hash(now)), 1)
}

// chromium finds the browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium on this machine (Debian: apt-get install chromium)")
	return ""
}

// offline are the arguments that every browser here is started with: no network, and
// nothing of the user's.
func offline(t *testing.T) []string {
	t.Helper()
	return []string{"--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir=" + t.TempDir()}
}

func screenshot(t *testing.T, browser string, html []byte, dark bool, wide int) image.Image {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "page.html"), filepath.Join(dir, "page.png")
	if err := os.WriteFile(in, html, 0o600); err != nil {
		t.Fatal(err)
	}
	scheme := 1
	if dark {
		scheme = 0
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	args := append(offline(t), "--hide-scrollbars", "--force-device-scale-factor=1", fmt.Sprintf("--blink-settings=preferredColorScheme=%d", scheme),
		fmt.Sprintf("--window-size=%d,%d", wide, lookHigh), "--screenshot="+out, "file://"+in)
	said, err := exec.CommandContext(ctx, browser, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if strings.Contains(string(said), "CONSOLE") {
		t.Errorf("the browser complains:\n%s", said)
	}
	return readPNG(t, out)
}

// fields is an image of the mean colours of another one's fields.
func fields(img image.Image) image.Image {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx()/field, b.Dy()/field))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			var sum [3]uint64
			for dy := range field {
				for dx := range field {
					r, g, bl, _ := img.At(b.Min.X+x*field+dx, b.Min.Y+y*field+dy).RGBA()
					sum[0], sum[1], sum[2] = sum[0]+uint64(r>>8), sum[1]+uint64(g>>8), sum[2]+uint64(bl>>8)
				}
			}
			out.SetRGBA(x, y, color.RGBA{uint8(sum[0] / (field * field)), uint8(sum[1] / (field * field)), uint8(sum[2] / (field * field)), 255})
		}
	}
	return out
}

// difference is the mean difference of two images' colours, of 255; a size of its own
// is all the difference there can be.
func difference(a, b image.Image) float64 {
	if a.Bounds().Size() != b.Bounds().Size() {
		return 255
	}
	var sum float64
	size := a.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			ar, ag, ab, _ := a.At(x, y).RGBA()
			br, bg, bb, _ := b.At(x, y).RGBA()
			for _, d := range [3]float64{float64(ar>>8) - float64(br>>8), float64(ag>>8) - float64(bg>>8), float64(ab>>8) - float64(bb>>8)} {
				sum += math.Abs(d)
			}
		}
	}
	return sum / float64(3*size.X*size.Y)
}

func readPNG(t *testing.T, path string) image.Image {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; -update writes golden files", err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func writePNG(t *testing.T, path string, img image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
