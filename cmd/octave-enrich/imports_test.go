package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A listed package is one that the project's commands are made of.
type listed struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

// TestImports holds the house to its map in CONTRIBUTING.md: imports are those of the
// table, and run downwards in it, and each third-party module has one home.
func TestImports(t *testing.T) {
	const module, main = "octave-enrich", "cmd/octave-enrich"
	homes := map[string][]string{ // of third-party modules
		"github.com/gocarina/gocsv":           {"reader", "writer"},
		"golang.org/x/sync/":                  {"pipeline", "pipeline/fleet", "cmd/octave-enrich"},
		"golang.org/x/time/":                  {"pipeline", "pipeline/fleet", "cmd/octave-enrich", "cmd/octave-enrich/options", "cmd/octave-enrich/plans"},
		"github.com/jackc/pgx":                {"pipeline/fleet", "pipeline/fleet/pgtest"},
		"github.com/riverqueue/":              {"pipeline/fleet"},
		"go.uber.org/zap":                     {"cmd/octave-enrich", "cmd/octave-enrich/accounts", "cmd/octave-enrich/console"},
		"github.com/schollz/progressbar":      {"cmd/octave-enrich/console"},
		"github.com/spf13/":                   {"cmd/octave-enrich", "cmd/octave-enrich/help", "cmd/octave-enrich/options"},
		"github.com/xuri/excelize":            {"reader/table", "writer"},
		"github.com/yuin/goldmark":            {"writer"},
		"github.com/klauspost/compress":       {"reader/table", "writer"},
		"github.com/tidwall/gjson":            {"reader/table"},
		"github.com/prometheus/client_golang": {"pipeline/metrics"},
		"github.com/prometheus/common":        {"pipeline/metrics"},
		"golang.org/x/sys/":                   {"checkpoint/durable"},
	}
	packages := goList(t)
	table, below := tableOfImports(t, main), map[string]bool{main: true}
	for _, row := range slices.Backward(table) {
		var own []string
		for _, imported := range packages[module+"/"+row.folder].Imports {
			other, isOwn := strings.CutPrefix(imported, module+"/")
			switch {
			case packages[imported].Standard:
			case isOwn && !below[other]:
				t.Errorf("%s imports %s, which does not stand below it", row.folder, other)
			case isOwn:
				own = append(own, other)
			case row.folder == "checkpoint" || row.folder == "octave/sandbox":
				t.Errorf("%s imports %s, and may import the standard library alone", row.folder, imported)
			case !atHome(homes, imported, row.folder):
				t.Errorf("%s imports %s, whose home it is not", row.folder, imported)
			}
		}
		if slices.Sort(own); row.folder != main && !slices.Equal(own, row.imports) {
			t.Errorf("%s imports %q, and by the table %q", row.folder, own, row.imports)
		}
		below[row.folder] = true
	}
	for path := range packages {
		if name, own := strings.CutPrefix(path, module+"/"); own && !below[name] {
			t.Errorf("%s is not in the table", name)
		}
	}
	if len(packages[module+"/pipeline"].Imports) == 0 {
		t.Fatal("the packages were not found")
	}
}

// A rowOfImports is one of the table in CONTRIBUTING.md.
type rowOfImports struct {
	folder  string
	imports []string // of ours, in alphabetical order
}

// tableOfImports reads the map of the house; the packages of the command main stand in
// it under their last names.
func tableOfImports(t *testing.T, main string) (table []rowOfImports) {
	t.Helper()
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	check(t, err)
	_, text, _ = bytes.Cut(text, []byte("| folder |"))
	text, _, _ = bytes.Cut(text, []byte("\n\n"))
	name := regexp.MustCompile("`([^`]+)`")
	for _, line := range strings.Split(string(text), "\n")[2:] {
		cells := strings.Split(line, "|")
		row := rowOfImports{folder: strings.Trim(cells[1], " `")}
		for _, found := range name.FindAllStringSubmatch(cells[3], -1) {
			folder := found[1]
			if _, err := os.Stat("../../" + folder); err != nil {
				folder = main + "/" + folder
			}
			row.imports = append(row.imports, folder)
		}
		slices.Sort(row.imports)
		table = append(table, row)
	}
	return table
}

// atHome says whether a package may import a module; one without a home may be
// imported by all.
func atHome(homes map[string][]string, imported, by string) bool {
	for module, home := range homes {
		if strings.HasPrefix(imported, module) {
			return slices.Contains(home, by)
		}
	}
	return true
}

func goList(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Standard", "./../../...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string]listed{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
}
