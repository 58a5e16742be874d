package eval_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"infer/eval"
)

// payloads are texts that act on a terminal, a reader or a CI log, with what is
// shown of them on one line.
var payloads = map[string]struct{ in, line string }{
	"OSC 52, BEL":           {"a\x1b]52;c;aGk=\x07b", "a␛]52;c;aGk=␇b"},
	"OSC 52, ST":            {"\x1b]52;c;aGk=\x1b\\", "␛]52;c;aGk=␛\\"},
	"OSC 8 link":            {"\x1b]8;;http://x\x1b\\click\x1b]8;;\x1b\\", "␛]8;;http://x␛\\click␛]8;;␛\\"},
	"OSC 0 title":           {"\x1b]0;pwned\x07", "␛]0;pwned␇"},
	"full reset":            {"\x1bc", "␛c"},
	"clear screen":          {"\x1b[2J\x1b[H", "␛[2J␛[H"},
	"cursor report":         {"\x1b[6n", "␛[6n"},
	"alternate screen":      {"\x1b[?1049h", "␛[?1049h"},
	"sixel":                 {"\x1bPq#0;2;0;0;0\x1b\\", "␛Pq#0;2;0;0;0␛\\"},
	"kitty APC":             {"\x1b_Gf=100;AAAA\x1b\\", "␛_Gf=100;AAAA␛\\"},
	"C1 CSI in UTF-8":       {"\u009b2J", "<U+009B>2J"},
	"C1 OSC in UTF-8":       {"\u009d0;x\u009c", "<U+009D>0;x<U+009C>"},
	"raw C1 byte":           {"\x9b2J", `\x9b2J`},
	"unterminated OSC":      {"x\x1b]0;", "x␛]0;"},
	"carriage return":       {"FAIL\rPASS", "FAIL␍PASS"},
	"backspace":             {"FAIL\b\b\b\bPASS", "FAIL␈␈␈␈PASS"},
	"line feed":             {"a\nb", "a␊b"},
	"tab":                   {"a\tb", "a␉b"},
	"NUL and DEL":           {"a\x00b\x7f", "a␀b␡"},
	"shift out":             {"\x0eqqq\x0f", "␎qqq␏"},
	"bidi override":         {"\u202egnp.exe\u202c", "<U+202E>gnp.exe<U+202C>"},
	"bidi isolates":         {"\u2066a\u2067b\u2068c\u2069", "<U+2066>a<U+2067>b<U+2068>c<U+2069>"},
	"bidi marks":            {"\u200e\u200f\u061c", "<U+200E><U+200F><U+061C>"},
	"tag characters":        {"hi\U000e0041\U000e007f", "hi<U+E0041><U+E007F>"},
	"zero width":            {"a\u200bb\u2060c\ufeffd\u00ade", "a<U+200B>b<U+2060>c<U+FEFF>d<U+00AD>e"},
	"non-joiner":            {"a\u200cb", "a<U+200C>b"},
	"blank letters":         {"a\u3164b\uffa0c\u115fd", "a<U+3164>b<U+FFA0>c<U+115F>d"},
	"no characters":         {"a\uffffb\ufdd0c\U0001fffed", "a<U+FFFF>b<U+FDD0>c<U+1FFFE>d"},
	"line separators":       {"a\u2028b\u2029c\u0085d", "a<U+2028>b<U+2029>c<U+0085>d"},
	"annotations":           {"\ufff9a\ufffab\ufffb", "<U+FFF9>a<U+FFFA>b<U+FFFB>"},
	"musical controls":      {"\U0001d173x", "<U+1D173>x"},
	"variation selectors":   {"a\U000e0100", "a<U+E0100>"},
	"grapheme joiner":       {"a\u034fb", "a<U+034F>b"},
	"invalid UTF-8":         {"a\xffb\xc3", `a\xffb\xc3`},
	"a surrogate in UTF-8":  {"\xed\xa0\x80", `\xed\xa0\x80`},
	"an overlong escape":    {"\xc0\x9b", `\xc0\x9b`},
	"replacement character": {"a\ufffdb", "a\ufffdb"},
	"a tower of marks":      {"e" + strings.Repeat("\u0301", 7), "e" + strings.Repeat("\u0301", 4) + strings.Repeat("<U+0301>", 3)},
	"a tower of enclosures": {"e" + strings.Repeat("\u20dd", 6), "e" + strings.Repeat("\u20dd", 4) + strings.Repeat("<U+20DD>", 2)},
	"a chain of joiners":    {"x" + strings.Repeat("\u200d", 6), "x" + strings.Repeat("\u200d", 4) + strings.Repeat("<U+200D>", 2)},
	"a family":              {"👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"},
	"letters and accents":   {"Grüße, naïve façade — 日本語, עברית, العربية, हिन्दी", "Grüße, naïve façade — 日本語, עברית, العربية, हिन्दी"},
	"an Arabic number sign": {"\u0600\u0661", "\u0600\u0661"},
	"plain":                 {"plain ~text~ {}", "plain ~text~ {}"},
	"nothing":               {"", ""},
}

// TestLine makes every payload harmless on one line, however it is formatted, and
// keeps what people write.
func TestLine(t *testing.T) {
	t.Parallel()
	for name, p := range payloads {
		u := eval.Untrusted(p.in)
		if got := u.Line(0); got != p.line {
			t.Errorf("%s: %q is shown %q, want %q", name, p.in, got, p.line)
		}
		for _, verb := range []string{"%s", "%v", "%q", "%x", "%+v", "%#v", "%d", "%20s"} {
			if got := fmt.Sprintf(verb, u); got != p.line {
				t.Errorf("%s: %s writes %q", name, verb, got)
			}
		}
		if got := fmt.Sprint([]eval.Untrusted{u}); got != "["+p.line+"]" {
			t.Errorf("%s: in a list it is %q", name, got)
		}
		if u.String() != p.line || u.Raw() != p.in {
			t.Errorf("%s: String is %q, Raw %q", name, u.String(), u.Raw())
		}
	}
}

// TestBlock keeps line feeds and tabs, and nothing else that acts.
func TestBlock(t *testing.T) {
	t.Parallel()
	for name, p := range payloads {
		want := strings.NewReplacer("␊", "\n", "␉", "\t").Replace(p.line)
		if got := eval.Untrusted(p.in).Block(0); got != want {
			t.Errorf("%s: %q is shown %q, want %q", name, p.in, got, want)
		}
	}
	if got := eval.Untrusted("a\r\n\tb\x1b[0m\n").Block(0); got != "a␍\n\tb␛[0m\n" {
		t.Errorf("shown %q", got)
	}
}

// TestLimit cuts by characters and says so.
func TestLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{{"abcdef", 6, "abcdef"}, {"abcdef", 5, "abcde…"}, {"äöü", 3, "äöü"}, {"äöü", 2, "äö…"}, {"\x1b\x1b\x1b", 2, "␛␛…"}, {"日本語", 1, "日…"}, {"abc", 0, "abc"}} {
		if got := eval.Untrusted(c.in).Line(c.limit); got != c.want {
			t.Errorf("%q at most %d: %q, want %q", c.in, c.limit, got, c.want)
		}
	}
	long := eval.Untrusted(strings.Repeat("\u0301", 1<<20))
	if got := long.Line(100); utf8.RuneCountInString(strings.ReplaceAll(got, "<U+0301>", "x")) != 101 {
		t.Errorf("a million marks are cut to %d bytes", len(got))
	}
}

// TestUntrustedJSON keeps the value and makes the bytes harmless.
func TestUntrustedJSON(t *testing.T) {
	t.Parallel()
	for name, p := range payloads {
		b, err := json.Marshal(map[string]eval.Untrusted{"x": eval.Untrusted(p.in)})
		if err != nil {
			t.Fatal(err)
		}
		if bad := acts(string(b)); bad != "" {
			t.Errorf("%s: %q holds %s", name, b, bad)
		}
		var back map[string]string
		if err := json.Unmarshal(b, &back); err != nil || back["x"] != readable(p.in) {
			t.Errorf("%s: read back as %q, %v", name, back["x"], err)
		}
	}
	raw := eval.EscapeJSON([]byte("{\"a\":\"\x9b2J\u009b\U000e0041\"}"))
	if string(raw) != `{"a":"`+"\ufffd"+`2J\u009b\udb40\udc41"}` {
		t.Errorf("a raw message is written %q", raw)
	}
	if same := eval.EscapeJSON([]byte(`{"a":"日本"}`)); string(same) != `{"a":"日本"}` {
		t.Errorf("harmless JSON is written %q", same)
	}
}

// readable is a text as JSON can hold it: each byte that is not UTF-8 is U+FFFD.
func readable(s string) string { return string([]rune(s)) }

// acts names the first character of s that acts on a terminal or hides.
func acts(s string) string {
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			return fmt.Sprintf("the byte %x", s[i])
		}
		if r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r <= 0x9f || r >= 0x200b && r <= 0x200f && r != 0x200d || r >= 0x2028 && r <= 0x202e ||
			r >= 0x2060 && r <= 0x206f || r == 0xfeff || r == 0xad || r >= 0xe0000 && r <= 0xe0fff {
			return fmt.Sprintf("U+%04X", r)
		}
	}
	return ""
}

// TestAnyText: whatever comes in, nothing that acts goes out, it is valid UTF-8,
// and a line has no line end.
func TestAnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		u := eval.Untrusted(rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text"))
		limit := rapid.IntRange(0, 50).Draw(t, "limit")
		for _, out := range []string{u.Line(limit), u.Block(limit)} {
			if bad := acts(out); bad != "" || !utf8.ValidString(out) {
				t.Fatalf("%q is shown %q, which holds %s", u.Raw(), out, bad)
			}
		}
		if strings.ContainsAny(u.Line(limit), "\n\t\r") {
			t.Fatalf("%q on one line is %q", u.Raw(), u.Line(limit))
		}
	})
}

// FuzzUntrusted is TestAnyText on whatever the fuzzer finds.
func FuzzUntrusted(f *testing.F) {
	for _, p := range payloads {
		f.Add(p.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u := eval.Untrusted(s)
		for _, out := range []string{u.Line(0), u.Block(0), u.Line(7)} {
			if bad := acts(out); bad != "" || !utf8.ValidString(out) {
				t.Fatalf("%q is shown %q, which holds %s", s, out, bad)
			}
		}
		b, err := json.Marshal(u)
		if err != nil || acts(string(b)) != "" {
			t.Fatalf("%q is written %q (%v)", s, b, err)
		}
	})
}
