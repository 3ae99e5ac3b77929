package mapping

import (
	"reflect"
	"slices"
	"testing"

	"octave-enrich/reader/person"
)

// TestPersonFields holds a person, and the slots of a row, to the one table of the
// request's fields.
func TestPersonFields(t *testing.T) {
	var tags []person.Field
	kind := reflect.TypeFor[person.Person]()
	for i := range kind.NumField() {
		if tag := kind.Field(i).Tag.Get("csv"); tag != "-" {
			tags = append(tags, person.Field(tag))
		}
	}
	fields := personFields()
	for _, f := range tags {
		if !slices.Contains(fields[:personSlots], f) {
			t.Errorf("%s is no field of the request that says who is asked about", f)
		}
	}
	if len(tags) != personSlots {
		t.Errorf("a person has %d fields, the table %d", len(tags), personSlots)
	}
	for slot, want := range map[int]person.Field{slotEmail: person.Email, slotFirstName: person.FirstName, slotLastName: person.LastName, slotJobTitle: person.JobTitle,
		slotCompanyDomain: person.CompanyDomain, slotCompanyName: person.CompanyName, slotLinkedInProfile: person.LinkedInProfile, slotCRMContactID: person.CRMContactID,
		slotCRMLeadID: person.CRMLeadID, slotCRMAccountID: person.CRMAccountID, slotLang: person.Lang, slotFullName: person.FullName} {
		if fields[slot] != want {
			t.Errorf("slot %d is for %s, not %s", slot, fields[slot], want)
		}
	}
}
