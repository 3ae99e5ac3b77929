package pipeline

import (
	"encoding/json"
	"slices"
	"strings"

	"octave-enrich/checkpoint"
	"octave-enrich/writer"
)

// mostFiled is how many people one record names.
const mostFiled = 100_000

// FiledRecords are the bodies of the records about a file that gets its name when
// they are durable: the first ones, and the one for afterwards.
func FiledRecords(about FiledBody, people []writer.Person) (before []FiledBody, after FiledBody) {
	for part := range slices.Chunk(people, mostFiled) {
		about.Part++
		about.People = make([]byte, 0, len(part)*len(writer.Person{}))
		for _, p := range part {
			about.People = append(about.People, p[:]...)
		}
		before = append(before, about)
	}
	about.Part, about.People, about.Done = 0, nil, true
	return before, about
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
	people []writer.Person
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
		for _, p := range file.people {
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
		for part := range slices.Chunk(body.People, len(writer.Person{})) {
			if len(part) == len(writer.Person{}) {
				file.people = append(file.people, writer.Person(part))
			}
		}
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

// PeopleOfFiles are known by their addresses and record ids.
type PeopleOfFiles map[writer.Person]bool

// Add takes somebody by an address or a record id; "" is nobody.
func (p PeopleOfFiles) Add(name string) {
	if name != "" {
		p[writer.PersonOf(name)] = true
	}
}

// WithoutPeople is a filed record that names none of the people.
func WithoutPeople(rec checkpoint.Record, gone PeopleOfFiles) (checkpoint.Record, bool) {
	body, ok := bodyOf[FiledBody](rec, Filed)
	if !ok {
		return rec, false
	}
	var left []byte
	for part := range slices.Chunk(body.People, len(writer.Person{})) {
		if len(part) == len(writer.Person{}) && !gone[writer.Person(part)] {
			left = append(left, part...)
		}
	}
	if len(left) == len(body.People) {
		return rec, false
	}
	body.People = left
	raw, err := json.Marshal(body)
	if err != nil {
		return rec, false
	}
	rec.Body, rec.OneLine = raw, false
	return rec, true
}
