package main

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/paths"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

// lost says how many contacts of the last output are not in this list: the next
// output will not have them. A list that did not change has lost nobody, and is not
// looked at. It is only told, so that an output which cannot be read is no error.
func (l *list) lost(journal *checkpoint.Journal) string {
	if journal == nil {
		return ""
	}
	output := lastOutput(journal)
	last, ok := pipeline.LastRun(journal.RunRecords())
	if output == "" || !ok || last.Input.SHA256 == l.input.Profile().SHA256 || !paths.Exists(output) {
		return ""
	}
	opt := l.opt
	opt.Format, opt.Encoding, opt.Sheet = "", "", "" // those of the list
	before, err := reader.Open([]string{output}, opt)
	if err != nil {
		return ""
	}
	defer before.Close()
	seed := maphash.MakeSeed()
	var here []uint64
	for contact, err := range l.input.Contacts() {
		if err != nil {
			return "" // the run itself reads the same and says so
		}
		here = append(here, names(seed, contact.Person)...)
	}
	slices.Sort(here)
	n := 0
	for contact, err := range before.Contacts() {
		if err != nil {
			return ""
		}
		ours := names(seed, contact.Person)
		found := slices.ContainsFunc(ours, func(name uint64) bool { _, hit := slices.BinarySearch(here, name); return hit })
		if len(ours) > 0 && !found {
			n++
		}
	}
	switch n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("1 contact of the last output (%s) is not in this list", output)
	}
	return fmt.Sprintf("%s of the last output (%s) are not in this list", words.Count(n, "contact"), output)
}

// lastOutput is the file with the rows of the last run or export, "" when there is
// none.
func lastOutput(journal *checkpoint.Journal) (path string) {
	for _, rec := range journal.RunRecords() {
		if body, ok := pipeline.ReadOutput(rec); ok && !strings.Contains(body.Path, ".held.") {
			path = body.Path
		}
	}
	return path
}

// names hashes what a contact may be found by: address, profile, ids, or name and
// company.
func names(seed maphash.Seed, p reader.Person) (list []uint64) {
	for kind, value := range []string{p.Email, strings.ToLower(p.LinkedInProfile), p.CRMContactID, p.CRMLeadID} {
		if value != "" {
			list = append(list, maphash.String(seed, fmt.Sprint(kind, value)))
		}
	}
	if len(list) == 0 && p.FirstName+p.LastName != "" {
		list = append(list, maphash.String(seed, strings.ToLower(p.FirstName+"\x00"+p.LastName+"\x00"+p.CompanyName+"\x00"+p.CompanyDomain)))
	}
	return list
}
