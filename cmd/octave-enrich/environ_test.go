package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/help"
	"octave-enrich/cmd/octave-enrich/options"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Whatever a flag of any command does not take, the message is this program's own:
// neither the parser of numbers speaks, nor the one of flags.
func TestWrongValuesOfAllFlags(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			err := cmd.ParseFlags([]string{"--" + f.Name + "=no such value"})
			if err == nil {
				return // checked later, or free text
			}
			said := help.FlagError(cmd, err)
			var e *exit.Error
			if !errors.As(said, &e) || e.Code != exit.Usage {
				t.Errorf("%s --%s: %v", cmd.Name(), f.Name, said)
			}
			for _, raw := range []string{"strconv", "parsing", "invalid"} {
				if strings.Contains(said.Error(), raw) {
					t.Errorf("%s --%s: %v", cmd.Name(), f.Name, said)
				}
			}
		})
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(&app{stdout: os.Stdout, stderr: os.Stderr}))
}

// GNU Octave and Kubernetes set variables that begin alike; every variable of a
// setting is known.
func TestVariablesOfOthers(t *testing.T) {
	settings := newRun(&app{}).Flags()
	var environ []string
	settings.VisitAll(func(f *pflag.Flag) {
		for _, name := range options.EnvNames(f.Name) {
			environ = append(environ, name+"=x")
		}
	})
	for _, name := range []string{
		"HOME", "EXEC_HOME", "PATH", "HISTFILE", "HISTSIZE", "INFO_FILE", "DOC_CACHE_FILE", "SITE_INITFILE", "VERSION_INITFILE", "BINDIR", "ARCHLIBDIR",
		"PORT", "PORT_80_TCP", "PORT_80_TCP_ADDR", "SERVICE_HOST", "SERVICE_PORT", "ENRICH_SERVICE_HOST",
	} {
		environ = append(environ, "OCTAVE_"+name+"=x")
	}
	if err := options.Misspelt(environ, settings); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"CONCURENCY", "MAX_USGE", "RATES", "APIKEY", "KEYFILE", "KEY", "AGENT", "TIME_OUT"} {
		if options.Misspelt([]string{"OCTAVE_" + name + "=x"}, settings) == nil {
			t.Errorf("OCTAVE_%s is taken for none of ours", name)
		}
	}
}

// Where the system has no zones TZ is heard all the same, or {date} is another day.
func TestZonesAreEmbedded(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil || !strings.Contains("\n"+string(out), "\ntime/tzdata\n") {
		t.Errorf("time/tzdata is not linked; %v", err)
	}
}
