package options

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/reader"
)

// otherVariables begin alike and are set by others: by Kubernetes beside a service
// that is called octave, and by GNU Octave.
var otherVariables = regexp.MustCompile(`^OCTAVE_(PORT|PORT_.*|SERVICE_.*|ENRICH_.*|HOME|EXEC_HOME|PATH|VERSION|HIST.*|INFO_.*|DOC_.*|SITE_.*|.*INITFILE)$`)

// Misspelt refuses a variable that is nearly one of a setting: a budget that is
// not heard is money.
func Misspelt(environ []string, settings *pflag.FlagSet) error {
	known := []string{"OCTAVE_API_KEY", envName("config")}
	settings.VisitAll(func(f *pflag.Flag) {
		if isSetting(f.Name) {
			known = append(known, EnvNames(f.Name)...)
		}
	})
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "OCTAVE_") || value == "" || slices.Contains(known, name) || otherVariables.MatchString(name) {
			continue
		}
		if meant := nearVariable(name, known); meant != "" {
			return exit.UsageError("environment %s: there is no such setting; did you mean %s?", name, meant)
		}
	}
	return nil
}

// nearVariable is the variable that was most likely meant; "" when there is none.
func nearVariable(name string, known []string) string {
	const prefix = "OCTAVE_"
	var words []string
	for _, variable := range known {
		words = append(words, strings.TrimPrefix(variable, prefix))
	}
	meant := reader.Nearest(strings.TrimPrefix(name, prefix), words)
	if meant == "" {
		return ""
	}
	return prefix + meant
}

// secrets are variables that hold the key or a password, or say where one is: what
// a command that sends a mail has no use for.
var secrets = []string{"OCTAVE_API_KEY", "CREDENTIALS_DIRECTORY", "OCTAVE_KEY_FILE", "OCTAVE_FLEET", "OCTAVE_PING_URL", "PGPASSWORD", "PGPASSFILE"}

// WithoutSecrets is an environment for other programs.
func WithoutSecrets(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.ContainsFunc(secrets, func(secret string) bool { return strings.EqualFold(name, secret) }) // as on Windows
	})
}
