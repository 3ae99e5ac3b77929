package reader

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestPersonsAreThoseOfBefore holds what every row of the samples says to the
// service: a question is what its person is, so a person read in another way
// is a question that is paid for again. A line that changes here belongs into
// the change log.
func TestPersonsAreThoseOfBefore(t *testing.T) {
	var b strings.Builder
	for _, pattern := range []string{"../samples/*.csv", "../samples/*.jsonl", "../samples/exports/*.csv", "testdata/lists/g*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		slices.Sort(paths)
		for _, path := range paths {
			b.WriteString(persons(t, path))
		}
	}
	golden := filepath.Join("testdata", "persons.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Errorf("-before +now\n%s", d)
	}
}

// persons names each row of a list by the hash of what it says.
func persons(t *testing.T, path string) string {
	t.Helper()
	name := filepath.Base(path)
	in, err := Open([]string{path}, Options{})
	if err != nil {
		return fmt.Sprintf("%s refused\n", name)
	}
	defer in.Close()
	var b strings.Builder
	for c, err := range in.Contacts() {
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(c.Person)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		if c.Row > 100 {
			break // of a long list the rest is more of the same
		}
		fmt.Fprintf(&b, "%s %d %s %s\n", name, c.Row, hex.EncodeToString(sum[:8]), c.Problem)
	}
	return b.String()
}
