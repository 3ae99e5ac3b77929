package lists

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
)

// mostChanges are told in full.
const mostChanges = 3

// WhatChanged says in a few lines what is different about the changed contacts.
func WhatChanged(changes pipeline.Changes, last pipeline.RunBody, list *List) (lines []string) {
	now := MappingOf(list.Input.Profile())
	for i, change := range changes.Because {
		if i == mostChanges {
			lines = append(lines, fmt.Sprintf("and %d other combinations", len(changes.Because)-i))
			break
		}
		var parts []string
		for _, field := range change.Fields {
			parts = append(parts, fieldChange(field, change, now, last.Mapping))
		}
		slices.Sort(parts)
		lines = append(lines, fmt.Sprintf("%s of %s: %s", words.Thousands(change.Contacts), words.Thousands(changes.Contacts), strings.Join(slices.Compact(parts), "; ")))
	}
	return lines
}

// fieldChange names what changed; values of contacts are personal data and are
// not shown.
func fieldChange(field string, change pipeline.Change, now, before []pipeline.Mapped) string {
	group, _, _ := strings.Cut(field, ".")
	switch group {
	case "agentOId":
		return "agent " + cmp.Or(change.Before[field], "none") + " -> " + cmp.Or(change.After[field], "none")
	case "experimentOId":
		return "experiment " + cmp.Or(change.Before[field], "none") + " -> " + cmp.Or(change.After[field], "none")
	case "runtimeInstructions":
		return "instructions"
	case "runtimeContext":
		return "context"
	}
	is, was := columnOf(field, now), columnOf(field, before)
	from, values := "column "+is, "in column "+is
	if is == "" {
		from, values = "--set or --template", "of --set or --template"
	}
	switch {
	case change.Before[field] == "":
		return fmt.Sprintf("%s, from %s; the last run had none", field, from)
	case change.After[field] == "":
		return fmt.Sprintf("%s, which is missing now", field)
	case is == was || was == "":
		return fmt.Sprintf("%s, other values %s", field, values)
	}
	return fmt.Sprintf("%s, from %s; the last run had %s", field, from, was)
}

func columnOf(field string, mapped []pipeline.Mapped) string {
	var columns []string
	for _, m := range mapped {
		named := m.Field == field || m.Field == "fullName" && (field == "firstName" || field == "lastName")
		if named && !slices.Contains(columns, m.Column) {
			columns = append(columns, m.Column)
		}
	}
	return strings.Join(columns, ", ")
}
