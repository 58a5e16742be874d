package render_test

import (
	"bytes"
	"os/exec"
	"testing"

	"infer/report/render"
)

// TestJUnitSchema holds the file to the dialect that its readers share, by another
// program's understanding of it.
func TestJUnitSchema(t *testing.T) {
	t.Parallel()
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("no xmllint on this machine (Debian: apt-get install libxml2-utils)")
	}
	lint := func(file []byte) ([]byte, error) {
		cmd := exec.CommandContext(t.Context(), xmllint, "--noout", "--schema", "testdata/junit.xsd", "-")
		cmd.Stdin = bytes.NewReader(file)
		return cmd.CombinedOutput()
	}
	var b bytes.Buffer
	if err := render.JUnit(&b, sample(t), cases); err != nil {
		t.Fatal(err)
	}
	if out, err := lint(b.Bytes()); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	broken := bytes.Replace(b.Bytes(), []byte("<testcase name="), []byte("<testcase title="), 1)
	if out, err := lint(broken); err == nil {
		t.Errorf("a case without a name is accepted: %s", out)
	}
}
