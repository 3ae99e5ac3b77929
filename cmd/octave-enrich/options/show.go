package options

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"
)

// Show prints the value of every setting, and where it comes from.
func Show(w io.Writer, o *Options, fs *pflag.FlagSet) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "SETTING\tVALUE\tSOURCE\n")
	fs.VisitAll(func(f *pflag.Flag) {
		if source := o.sources[f.Name]; source != "" && (!f.Hidden || source != fromDefault) {
			fmt.Fprintf(t, "%s\t%s\t%s\n", f.Name, f.Value, source)
		}
	})
	key, err := o.Service.Key()
	switch {
	case err != nil:
		fmt.Fprintf(t, "key\t-\tnot set\n")
	case o.Service.KeyFile != "":
		fmt.Fprintf(t, "key\t%s\tfile %s\n", key, o.Service.KeyFile)
	case os.Getenv("OCTAVE_API_KEY") != "":
		fmt.Fprintf(t, "key\t%s\tenv OCTAVE_API_KEY\n", key)
	default:
		fmt.Fprintf(t, "key\t%s\tcredentials directory\n", key)
	}
	return t.Flush()
}

// Example is a commented file of settings, made from the flags, so that it cannot differ from them.
func Example(fs *pflag.FlagSet) string {
	var b strings.Builder
	b.WriteString("# Settings of octave-enrich: the names are those of the flags of run.\n" +
		"# A flag beats an environment variable (OCTAVE_...), which beats this file.\n" +
		"# The key does not belong here: use OCTAVE_API_KEY or key-file.\n")
	for _, heading := range Headings() {
		fmt.Fprintf(&b, "\n# %s\n", heading)
		fs.VisitAll(func(f *pflag.Flag) {
			if HeadingOf(f) != heading || f.Hidden || !isSetting(f.Name) {
				return
			}
			_, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(&b, "# %s\n#%s: %s\n", usage, f.Name, exampleValue(f))
		})
	}
	return b.String()
}

func exampleValue(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "stringArray", "stringSlice":
		return "[]"
	case "string":
		return fmt.Sprintf("%q", f.DefValue)
	}
	if f.DefValue == "" {
		return `""`
	}
	return f.DefValue
}
