package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"infer/eval"
)

// maxEnvFile caps a file of variables.
const maxEnvFile = 64 << 10

// withEnvFiles puts files of variables behind the real environment: the .env
// beside the project file, if there is one, and those that the user named.
func withEnvFiles(env func(string) string, dir string, project bool, named []string) (func(string) string, error) {
	vars := make(map[string]string)
	read := func(path string, must bool) error {
		b, err := readFile(path, maxEnvFile+1)
		if os.IsNotExist(err) && !must {
			return nil
		}
		if err != nil {
			return eval.Invalid(fmt.Errorf("read variables %s: %w", path, reason(err)), "name a file of lines NAME=value that you may read")
		}
		more, err := ParseDotEnv(b, path)
		for k, v := range more {
			vars[k] = v
		}
		return err
	}
	if project {
		if err := read(filepath.Join(dir, ".env"), false); err != nil {
			return nil, err
		}
	}
	for _, path := range named {
		if err := read(path, true); err != nil {
			return nil, err
		}
	}
	return func(name string) string {
		if v := env(name); v != "" {
			return v
		}
		return vars[name]
	}, nil
}

// ParseDotEnv reads lines NAME=value, as .env files have them: blank lines and
// lines that begin with # are left out, an export in front of the name is allowed, a
// value may stand in single quotes (as it is) or double quotes (with \n, \r, \t,
// \" and \\), and # after white space ends one without quotes. Nothing is
// expanded and nothing is run. The last of several lines for one name wins.
// name is the file's name in messages, which never show a value.
func ParseDotEnv(b []byte, name string) (map[string]string, error) {
	fail := func(line, col int, what string) error {
		return eval.Invalid(fmt.Errorf("%s: %s", place{name, line, col}, what), "write lines NAME=value, one variable a line")
	}
	if len(b) > maxEnvFile {
		return nil, fail(1, 1, "the file is larger than 64 KiB")
	}
	if line, col, bad := badUTF8(b); bad {
		return nil, fail(line, col, "not UTF-8 text")
	}
	vars := make(map[string]string)
	for i, line := range strings.Split(strings.TrimPrefix(string(b), "\ufeff"), "\n") {
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' {
			continue
		}
		if rest, ok := strings.CutPrefix(text, "export "); ok {
			text = strings.TrimSpace(rest)
		}
		key, value, ok := strings.Cut(text, "=")
		key = strings.TrimSpace(key)
		if !ok || !envRE.MatchString(key) {
			return nil, fail(i+1, 1, "not NAME=value")
		}
		v, ok := envValue(strings.TrimSpace(value))
		if !ok {
			return nil, fail(i+1, strings.Index(line, "=")+2, key+": the quotes are not closed, or something follows them")
		}
		if strings.ContainsRune(v, 0) {
			return nil, fail(i+1, 1, key+": a NUL character")
		}
		vars[key] = v
	}
	return vars, nil
}

// envValue takes the quotes and the comment off a value.
func envValue(s string) (string, bool) {
	switch {
	case s == "" || s[0] == '#':
		return "", true
	case s[0] == '\'':
		end := strings.IndexByte(s[1:], '\'')
		if end < 0 || !onlyComment(s[end+2:]) {
			return "", false
		}
		return s[1 : end+1], true
	case s[0] == '"':
		return envQuoted(s[1:])
	}
	for i := 1; i < len(s); i++ {
		if s[i] == '#' && (s[i-1] == ' ' || s[i-1] == '\t') {
			return strings.TrimSpace(s[:i]), true
		}
	}
	return s, true
}

// envQuoted reads a value in double quotes, without the first.
func envQuoted(s string) (string, bool) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return out.String(), onlyComment(s[i+1:])
		case s[i] == '\\' && i+1 < len(s):
			i++
			if j := strings.IndexByte(`nrt"\`, s[i]); j >= 0 {
				out.WriteByte("\n\r\t\"\\"[j])
			} else {
				out.WriteByte('\\')
				out.WriteByte(s[i])
			}
		default:
			out.WriteByte(s[i])
		}
	}
	return "", false
}

func onlyComment(s string) bool {
	s = strings.TrimSpace(s)
	return s == "" || s[0] == '#'
}
