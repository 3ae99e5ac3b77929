package main

// Which rows of a list are not worth a call, or must not cost one: --skip.

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// The kinds of rows that --skip leaves out.
const (
	skipOptOut     = "optout"     // a column says that the person wants no mail
	skipUnsendable = "unsendable" // no address, of no use to a sender
	skipDuplicate  = "duplicate"  // a person in several rows with different data: one row is asked for all of them
	skipFailed     = "failed"     // it failed in an earlier run
	skipUnreadable = "unreadable" // a line that the reader cannot read
	skipNone       = "none"       // takes back what is left out by default
)

func skipKinds() []string {
	return []string{skipOptOut, skipUnsendable, skipDuplicate, skipFailed, skipUnreadable, skipNone}
}

func (o *options) skipFlags(fs *pflag.FlagSet) {
	grouped(fs, groupInput, func(fs *pflag.FlagSet) {
		fs.StringVar(&o.exclude, "exclude", "", "do-not-contact `FILE`: emails, @domains, LinkedIn slugs, ids")
		fs.StringSliceVar(&o.skip, "skip", nil, "leave out `KINDS` of rows, too: duplicate, failed, unreadable, unsendable; by default optout and, with a preset, unsendable; none takes these back")
		fs.BoolVar(&o.respectOptOut, "respect-optout", false, "the same as --skip optout")
		fs.BoolVar(&o.skipFailed, "skip-failed", false, "the same as --skip failed")
		hide(fs, "respect-optout", "skip-failed")
	})
}

// hide keeps old names of flags working, and out of every list.
func hide(fs *pflag.FlagSet, names ...string) {
	for _, name := range names {
		fs.Lookup(name).Hidden = true
	}
}

// skips are the kinds of rows to leave out. What --skip names is added to what is
// left out anyway, so that nobody writes to people who opted out by naming
// something else; none takes the defaults back. Where nothing is paid, rows without
// an address are left to the sender's file, which holds them back.
func (o *options) skips() (map[string]bool, error) {
	kinds := map[string]bool{}
	if !slices.Contains(o.skip, skipNone) {
		kinds[skipOptOut], kinds[skipUnsendable] = true, o.forSender() && !o.neverCalls
	}
	for _, kind := range o.skip {
		if !slices.Contains(skipKinds(), kind) {
			return nil, exit.UsageError("--skip: there is no kind %q (%s)%s", kind, strings.Join(skipKinds(), ", "), didYouMean(kind, skipKinds()))
		}
		kinds[kind] = true
	}
	kinds[skipOptOut] = kinds[skipOptOut] || o.respectOptOut
	kinds[skipFailed] = kinds[skipFailed] || o.skipFailed
	return kinds, nil
}

// forSender says whether the output is a sender's, which has no use for a row
// without an address.
func (o *options) forSender() bool { return o.preset != "" && o.preset != "generic" }

// whyNot is why a row is left out, "" when it is not.
func whyNot(skip map[string]bool, listed *reader.ExcludeList, c reader.Contact) string {
	if skip[skipOptOut] && c.OptOut != "" {
		return "opted out: column " + c.OptOut
	}
	if listed != nil {
		if why, hit := listed.Match(c.Person); hit {
			return "on the exclude list: " + why
		}
	}
	if skip[skipUnsendable] && c.Person.Email == "" {
		return "no email address"
	}
	return ""
}

// notes say what of the list is left out, or could be, before anything is paid.
func (o *options) notes(l *list) (notes []string) {
	profile := l.input.Profile()
	for _, header := range slices.Sorted(maps.Keys(profile.OptOut)) {
		notes = append(notes, optedOut(profile.OptOut[header], header, l.skip[skipOptOut]))
	}
	if without := profile.Sendable - profile.Addresses; without > 0 && l.skip[skipUnsendable] && o.forSender() {
		notes = append(notes, fmt.Sprintf("%s without an email address: left out, as %s has no use for it; --skip none takes it in", words.Count(without, "row"), o.preset))
	}
	if l.people != nil && l.people.Persons > 0 {
		notes = append(notes, several(l.people, l.skip[skipDuplicate]))
	}
	return notes
}

// several says that people stand in several rows, and what that costs.
func several(people *pipeline.People, skipped bool) string {
	who := "one person who stands"
	if people.Persons > 1 {
		who = words.Thousands(people.Persons) + " people who stand"
	}
	said := fmt.Sprintf("%s are about %s there with different data: ", words.Count(people.Rows, "row"), who)
	if skipped {
		return said + "the fullest row is asked for all rows of a person"
	}
	return said + "each row is a call of its own; --skip duplicate asks the fullest for all rows of a person"
}

// optedOut says that people do not want to be written to, by which column, and
// what is done about it.
func optedOut(n int, header string, skipped bool) string {
	said := fmt.Sprintf("%s opted out in column %s: ", words.Count(n, "row"), header)
	if skipped {
		return said + "left out; --skip none takes them in"
	}
	return said + "not left out, as --skip says"
}
