package main

import (
	"encoding/json"
	"io"
	"os/exec"
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

// TestImports holds the shape of the house: imports run one way, the leaves know
// nothing of each other, and each third-party module has one home.
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
		"golang.org/x/sys/":                   {"checkpoint/durable"},
	}
	mayImport := map[string][]string{ // own packages, by own package
		"pipeline/fleet/pgtest": {},
		// Two shelves that know nothing of the rest may be used by the leaves.
		"checkpoint/durable":             {},
		"checkpoint/durable/durabletest": {"checkpoint/durable"},
		"reader/table":                   {},
		"reader":                         {"reader/table", "reader/mapping", "reader/person"},
		// octave has the one table of the request's fields, which columns are mapped to.
		"reader/mapping": {"reader/table", "reader/person", "checkpoint/durable", "octave"},
		"reader/person":  {}, "octave": {},
		"checkpoint": {"checkpoint/durable"}, "writer": {"checkpoint/durable", "reader/table"},
		"octave/sandbox": {"octave"},
		"pipeline/lint":  {},
		// The rooms of the command: main alone imports them all.
		"cmd/octave-enrich/words":       {},
		"cmd/octave-enrich/exit":        {"cmd/octave-enrich/words", "octave", "checkpoint", "checkpoint/durable", "pipeline", "pipeline/fleet", "reader"},
		"cmd/octave-enrich/options":     {"cmd/octave-enrich/words", "cmd/octave-enrich/exit", "octave", "octave/sandbox", "pipeline", "pipeline/fleet", "pipeline/lint", "reader", "writer"},
		"cmd/octave-enrich/help":        {"cmd/octave-enrich/words", "cmd/octave-enrich/exit", "cmd/octave-enrich/options", "octave/sandbox", "reader", "writer"},
		"cmd/octave-enrich/paths":       {"cmd/octave-enrich/words", "cmd/octave-enrich/exit", "cmd/octave-enrich/options", "checkpoint", "checkpoint/durable", "pipeline", "pipeline/review", "reader", "writer"},
		"cmd/octave-enrich/checkpoints": {"cmd/octave-enrich/words", "cmd/octave-enrich/exit", "cmd/octave-enrich/options", "cmd/octave-enrich/paths", "checkpoint", "pipeline"},
		"cmd/octave-enrich/lists":       {"cmd/octave-enrich/words", "cmd/octave-enrich/exit", "cmd/octave-enrich/options", "cmd/octave-enrich/paths", "cmd/octave-enrich/checkpoints", "checkpoint", "octave", "pipeline", "reader"},
		"cmd/octave-enrich/outputs":     {"cmd/octave-enrich/words", "cmd/octave-enrich/exit", "cmd/octave-enrich/options", "cmd/octave-enrich/paths", "cmd/octave-enrich/checkpoints", "cmd/octave-enrich/lists", "checkpoint", "checkpoint/durable", "octave", "pipeline", "pipeline/report", "pipeline/review", "writer"},
		"cmd/octave-enrich/accounts":    {"cmd/octave-enrich/words", "cmd/octave-enrich/exit", "cmd/octave-enrich/options", "octave", "pipeline", "reader"},
		"cmd/octave-enrich/plans":       {"cmd/octave-enrich/words", "cmd/octave-enrich/exit", "cmd/octave-enrich/options", "cmd/octave-enrich/paths", "cmd/octave-enrich/checkpoints", "cmd/octave-enrich/lists", "cmd/octave-enrich/outputs", "cmd/octave-enrich/accounts", "checkpoint", "octave", "pipeline"},
		"cmd/octave-enrich/marks":       {"cmd/octave-enrich/words", "cmd/octave-enrich/exit", "cmd/octave-enrich/options", "cmd/octave-enrich/paths", "cmd/octave-enrich/checkpoints", "cmd/octave-enrich/lists", "cmd/octave-enrich/outputs", "checkpoint", "pipeline", "pipeline/review", "reader"},
		"cmd/octave-enrich/telling":     {"cmd/octave-enrich/words", "cmd/octave-enrich/exit", "cmd/octave-enrich/options", "cmd/octave-enrich/paths", "cmd/octave-enrich/outputs", "checkpoint/durable", "pipeline", "pipeline/metrics"},
		"cmd/octave-enrich/console":     {"cmd/octave-enrich/words", "pipeline", "writer"},
		"pipeline":                      {"reader", "octave", "checkpoint", "writer"},
		"pipeline/report":               {"reader", "octave", "checkpoint", "writer", "pipeline", "pipeline/lint"},
		"pipeline/review":               {"octave", "checkpoint", "pipeline", "pipeline/report"},
		"pipeline/privacy":              {"reader", "octave", "checkpoint", "checkpoint/durable", "pipeline", "pipeline/report", "pipeline/review"},
		"pipeline/metrics":              {"reader", "octave", "checkpoint", "writer", "pipeline"},
		"pipeline/fleet":                {"reader", "octave", "checkpoint", "writer", "pipeline"},
	}
	packages := goList(t)
	for path, p := range packages {
		name, own := strings.CutPrefix(path, module+"/")
		if !own {
			continue
		}
		for _, imported := range p.Imports {
			other, isOwn := strings.CutPrefix(imported, module+"/")
			switch allowed, bound := mayImport[name]; {
			case packages[imported].Standard:
			case isOwn && bound && !slices.Contains(allowed, other):
				t.Errorf("%s imports %s", name, other)
			case isOwn && !bound && name != main && strings.HasPrefix(other, "cmd/"):
				t.Errorf("%s imports a command", name)
			case !isOwn && (name == "checkpoint" || name == "octave/sandbox"):
				t.Errorf("%s imports %s, and may import the standard library alone", name, imported)
			case !isOwn && !atHome(homes, imported, name):
				t.Errorf("%s imports %s, whose home it is not", name, imported)
			}
		}
		if _, known := mayImport[name]; !known && name != main {
			t.Errorf("%s is a package whose imports nobody bounded", name)
		}
	}
	if len(packages[module+"/pipeline"].Imports) == 0 {
		t.Fatal("the packages were not found")
	}
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
