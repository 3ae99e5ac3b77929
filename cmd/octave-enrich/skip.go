package main

import (
	"fmt"
	"maps"
	"slices"

	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// notes say what of the list is left out, or could be, before anything is paid.
func notes(o *options.Options, l *list) (notes []string) {
	profile := l.input.Profile()
	for _, header := range slices.Sorted(maps.Keys(profile.OptOut)) {
		notes = append(notes, optedOut(profile.OptOut[header], header, l.skip[options.SkipOptOut]))
	}
	if without := profile.Sendable - profile.Addresses; without > 0 && l.skip[options.SkipUnsendable] && o.Output.ForSender() {
		notes = append(notes, fmt.Sprintf("%s without an email address: left out, as %s has no use for it; --skip none takes it in", words.Count(without, "row"), o.Output.Preset))
	}
	if l.people != nil && l.people.Persons > 0 {
		notes = append(notes, several(l.people, l.skip[options.SkipDuplicate]))
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
