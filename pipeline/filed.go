package pipeline

import (
	"encoding/json"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/writer"
)

// mostFiled is how many people one record names.
const mostFiled = 100_000

// FiledRecords are the bodies of the records about a file that gets its name when
// they are durable: the first ones, and the one for afterwards.
func FiledRecords(about FiledBody, output writer.Output) (before []FiledBody, after FiledBody) {
	people, profiles := output.People, output.Profiles
	for len(people) > 0 {
		about.Part++
		about.People, people = packed(people)
		about.Profiles, profiles = packed(profiles) // never more than people
		before = append(before, about)
	}
	about.Part, about.People, about.Profiles, about.Done = 0, nil, nil, true
	return before, about
}

// packed is the first people in a row of bytes, and who is left.
func packed(people []writer.Person) (packed []byte, left []writer.Person) {
	n := min(len(people), mostFiled)
	for _, p := range people[:n] {
		packed = append(packed, p[:]...)
	}
	return packed, people[n:]
}

// unpacked are the people of a row of bytes.
func unpacked(packed []byte) (people []writer.Person) {
	for part := range slices.Chunk(packed, len(writer.Person{})) {
		if len(part) == len(writer.Person{}) {
			people = append(people, writer.Person(part))
		}
	}
	return people
}

// senderOf is the sender that a preset is for: outreach:20 is one of outreach.
func senderOf(preset string) string {
	name, _, _ := strings.Cut(strings.ToLower(preset), ":")
	return name
}

// A Files is what a checkpoint knows of the files for senders.
type Files struct {
	// SHA256 is that of a file as it is now, "" when there is none. A file whose
	// process was killed while it gave it its name is one if it has it.
	SHA256 func(path string) string
	// List is the hash of the list that the next file is made from.
	List string
}

// A senderFile is what the records say of one file.
type senderFile struct {
	FiledBody
	people, profiles []writer.Person
}

// Earlier are the people of the files for a sender which the one at path comes after,
// how many are in the file that it replaces, and whether that one was made from the
// same list. Then it is the same file once more, as a run makes it that goes on, and
// no earlier one: the new one would be a part of it. A list that has changed is
// another night's, and who was in the file has left.
func (f Files) Earlier(records []checkpoint.Record, preset, path string) (people map[writer.Person]bool, replaced int, same bool) {
	people = map[writer.Person]bool{}
	there := f.SHA256(path) != ""
	for _, file := range f.read(records) {
		if senderOf(file.Preset) != senderOf(preset) {
			continue
		}
		replaces := there && file.Path == path
		if replaces {
			replaced, same = len(file.people), file.List == f.List
		}
		if replaces && same {
			continue
		}
		for _, p := range slices.Concat(file.people, file.profiles) {
			people[p] = true
		}
	}
	return people, replaced, same
}

// read lists the files that were not made once more from the same list.
func (f Files) read(records []checkpoint.Record) (list []*senderFile) {
	all := map[string]*senderFile{}
	var files []*senderFile
	for _, rec := range ofType(records, Filed) {
		body, ok := bodyOf[FiledBody](rec, Filed)
		if !ok {
			continue
		}
		file := all[body.ID]
		if file == nil {
			file = &senderFile{FiledBody: body}
			all[body.ID], files = file, append(files, file)
		}
		file.Done = file.Done || body.Done
		file.people, file.profiles = append(file.people, unpacked(body.People)...), append(file.profiles, unpacked(body.Profiles)...)
	}
	for _, file := range files {
		if !file.Done && f.SHA256(file.Path) != file.SHA256 {
			continue // it never got its name
		}
		if file.Over {
			list = slices.DeleteFunc(list, func(other *senderFile) bool { return other.Path == file.Path && other.List == file.List })
		}
		list = append(list, file)
	}
	return list
}

// PeopleOfFiles are known by their addresses, record ids and profiles.
type PeopleOfFiles map[writer.Person]bool

// Add takes somebody by one of these; "" is nobody.
func (p PeopleOfFiles) Add(name string) {
	if name != "" {
		p[writer.PersonOf(name)] = true
	}
}

// AddWho takes who a request is about.
func (p PeopleOfFiles) AddWho(r octave.Request) {
	for _, name := range []string{r.Email, r.CRMContactID, writer.ProfileOf(r.LinkedInProfile, r.FirstName, r.LastName)} {
		p.Add(name)
	}
}

// without is a row of bytes that names none of the people.
func (p PeopleOfFiles) without(packed []byte) (left []byte) {
	for _, person := range unpacked(packed) {
		if !p[person] {
			left = append(left, person[:]...)
		}
	}
	return left
}

// WithoutPeople is a filed record that names none of the people.
func WithoutPeople(rec checkpoint.Record, gone PeopleOfFiles) (checkpoint.Record, bool) {
	body, ok := bodyOf[FiledBody](rec, Filed)
	if !ok {
		return rec, false
	}
	people, profiles := gone.without(body.People), gone.without(body.Profiles)
	if len(people) == len(body.People) && len(profiles) == len(body.Profiles) {
		return rec, false
	}
	body.People, body.Profiles = people, profiles
	raw, err := json.Marshal(body)
	if err != nil {
		return rec, false
	}
	rec.Body, rec.OneLine = raw, false
	return rec, true
}
