package options

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/reader"
)

// Which rows of a list are not worth a call, or must not cost one: --skip.

// The kinds of rows that --skip leaves out.
const (
	SkipOptOut     = "optout"     // a column says that the person wants no mail
	SkipUnsendable = "unsendable" // no address, of no use to a sender
	SkipDuplicate  = "duplicate"  // a person in several rows with different data: one row is asked for all of them
	SkipFailed     = "failed"     // it failed in an earlier run
	SkipUnreadable = "unreadable" // a line that the reader cannot read
	skipNone       = "none"       // takes back what is left out by default
)

// SkipKinds are all of them.
func SkipKinds() []string {
	return []string{SkipOptOut, SkipUnsendable, SkipDuplicate, SkipFailed, SkipUnreadable, skipNone}
}

// SkipFlags registers who is left out.
func (l *List) SkipFlags(fs *pflag.FlagSet) {
	grouped(fs, HeadingInput, func(fs *pflag.FlagSet) {
		fs.StringVar(&l.Exclude, "exclude", "", "do-not-contact `FILE`: emails, @domains, LinkedIn slugs, ids")
		fs.StringSliceVar(&l.Skip, "skip", nil, "leave out `KINDS` of rows, too: duplicate, failed, unreadable, unsendable; by default optout and, with a preset, unsendable; none takes these back")
		fs.BoolVar(&l.optOut, "respect-optout", false, "the same as --skip optout")
		fs.BoolVar(&l.failed, "skip-failed", false, "the same as --skip failed")
		hide(fs, "respect-optout", "skip-failed")
	})
}

// Skips are the kinds of rows to leave out. What --skip names is added to what is
// left out anyway, so that nobody writes to people who opted out by naming
// something else; none takes the defaults back. Where nothing is paid, rows without
// an address are left to the sender's file, which holds them back.
func (o *Options) Skips() (map[string]bool, error) {
	kinds := map[string]bool{}
	if !slices.Contains(o.List.Skip, skipNone) {
		kinds[SkipOptOut], kinds[SkipUnsendable] = true, o.Output.ForSender() && !o.NeverCalls
	}
	for _, kind := range o.List.Skip {
		if !slices.Contains(SkipKinds(), kind) {
			return nil, exit.UsageError("--skip: there is no kind %q (%s)%s", kind, strings.Join(SkipKinds(), ", "), DidYouMean(kind, SkipKinds()))
		}
		kinds[kind] = true
	}
	kinds[SkipOptOut] = kinds[SkipOptOut] || o.List.optOut
	kinds[SkipFailed] = kinds[SkipFailed] || o.List.failed
	return kinds, nil
}

// ForSender says whether the output is a sender's, which has no use for a row
// without an address.
func (o *Output) ForSender() bool { return o.Preset != "" && o.Preset != "generic" }

// whyNot is why a row is left out, "" when it is not.
func whyNot(skip map[string]bool, listed *reader.ExcludeList, c reader.Contact) string {
	if skip[SkipOptOut] && c.OptOut != "" {
		return "opted out: column " + c.OptOut
	}
	if why, hit := listed.Match(c.Person); hit {
		return "on the exclude list: " + why
	}
	if skip[SkipUnsendable] && c.Person.Email == "" {
		return "no email address"
	}
	return ""
}

// Excluder reads the do-not-contact list; a run without it would be a run
// against it, so that every error stops.
func (l *List) Excluder(skip map[string]bool) (func(reader.Contact) string, error) {
	var listed *reader.ExcludeList
	if l.Exclude != "" {
		var err error
		if listed, err = reader.ReadExclude(l.Exclude); err != nil {
			end := &exit.Error{Code: exit.Usage, Err: err}
			if l.ExcludeOfRun {
				end.Hint = "an earlier run left out the people named in it: put it back, or name the list of today with --exclude FILE"
			}
			return nil, end
		}
	}
	return func(c reader.Contact) string { return whyNot(skip, listed, c) }, nil
}
