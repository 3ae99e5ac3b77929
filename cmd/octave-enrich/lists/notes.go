package lists

import (
	"fmt"
	"maps"
	"slices"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// Doubts are rows that would be paid for and may not be worth it.
func Doubts(l *List) []string {
	list := []string{}
	profile := l.Input.Profile()
	if without := profile.Sendable - profile.Addresses; without > 0 && !l.Skip[options.SkipUnsendable] {
		list = append(list, fmt.Sprintf("%s without an email address, of no use to a sender: --skip unsendable", words.Count(without, "row")))
	}
	for _, trap := range profile.Traps {
		if trap.Doubtful() {
			list = append(list, fmt.Sprintf("%s: %s, first in %s", words.Count(trap.Rows, "row"), trap.Kind, trap.Place()))
		}
	}
	return list
}

// OtherNotes is what else the reader says about a list.
func OtherNotes(profile *reader.Profile) []string {
	notes := slices.Clone(profile.Notes)
	for _, trap := range profile.Traps {
		if !trap.Doubtful() {
			notes = append(notes, trap.Told())
		}
	}
	return notes
}

// StopsHere is what inspect and plan say of what run would stop for.
func StopsHere(err error) string { return "run stops here: " + err.Error() }

// Warnings say whom the list has lost, who is asked although an earlier run left them
// out, and whether a run would stop at it.
func (l *List) Warnings(o *options.Options, journal *checkpoint.Journal) (notes []string) {
	if note := NotExcluded(o, journal); note != "" {
		notes = append(notes, note)
	}
	if gone := l.Lost(journal); gone != "" {
		notes = append(notes, gone)
	}
	if err := l.Input.Overlooked(); err != nil {
		notes = append(notes, StopsHere(err))
	}
	return notes
}

// NotExcluded says that a run takes no do-not-contact list although one before did; ""
// when that is not so.
func NotExcluded(o *options.Options, journal *checkpoint.Journal) string {
	if journal == nil {
		return ""
	}
	list := pipeline.LastExclude(journal.RunRecords())
	if list == "" || o.List.Exclude != "" {
		return ""
	}
	return "an earlier run left out the people named in " + list + ", this one does not: --exclude " + words.Quote(list)
}

// Notes say what of the list is left out, or could be, before anything is paid.
func Notes(o *options.Options, l *List) (notes []string) {
	profile := l.Input.Profile()
	for _, header := range slices.Sorted(maps.Keys(profile.OptOut)) {
		notes = append(notes, optedOut(profile.OptOut[header], header, l.Skip[options.SkipOptOut]))
	}
	if o.List.ExcludeOfRun {
		notes = append(notes, "the people named in "+o.List.Exclude+" are left out, as an earlier run left them out")
	}
	if without := profile.Sendable - profile.Addresses; without > 0 && l.Skip[options.SkipUnsendable] && o.Output.ForSender() {
		notes = append(notes, fmt.Sprintf("%s without an email address: left out, as %s has no use for it; --skip none takes it in", words.Count(without, "row"), o.Output.Preset))
	}
	if l.people != nil && l.people.Persons > 0 {
		notes = append(notes, several(l.people, l.Skip[options.SkipDuplicate]))
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
