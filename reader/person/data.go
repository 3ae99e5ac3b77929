package person

import (
	"embed"
	"strings"
	"sync"
)

// The facts about values stand in tables that a person can read and extend.
//
//go:embed data/*.tsv
var data embed.FS

// readTable reads lines of a kind, a tab and values.
func readTable(name, separator string) map[string][]string {
	text, err := data.ReadFile("data/" + name)
	if err != nil {
		return nil // it is part of the program; a test holds that every table has its kinds
	}
	kinds := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		kind, values, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		for v := range strings.SplitSeq(values, separator) {
			if v = strings.TrimSpace(v); v != "" {
				kinds[kind] = append(kinds[kind], v)
			}
		}
	}
	return kinds
}

// kindOf is the kind of each value of a table.
func kindOf(name string) map[string]string {
	kinds := map[string]string{}
	for kind, values := range readTable(name, "|") {
		for _, v := range values {
			kinds[v] = kind
		}
	}
	return kinds
}

// known are the tables, made ready to be asked.
var known = sync.OnceValue(func() *tables {
	t := &tables{nothing: map[string]bool{}, noName: map[string]bool{}, hosts: map[string]string{},
		anyEnding: map[string]bool{}, people: map[string]map[string]bool{}, dummyLocal: map[string]bool{}, dummyHost: map[string]bool{}, neverHost: map[string]bool{}}
	for kind, words := range readTable("nothing.tsv", "|") {
		into := t.nothing
		if kind == "for names" {
			into = t.noName
		}
		for _, w := range words {
			into[bare(w)] = true
			t.addShape(bare(w))
		}
	}
	for kind, hosts := range readTable("hosts.tsv", " ") {
		for _, h := range hosts {
			switch kind {
			case "dummy local":
				t.dummyLocal[h] = true
			case "dummy":
				t.dummyHost[h] = true
			case "dummy always":
				t.neverHost[h] = true
			default:
				t.hosts[h] = kind
				if name, ok := strings.CutSuffix(h, ".*"); ok {
					t.anyEnding[name] = true
				}
			}
		}
	}
	t.answers, t.addresses, t.statuses = kindOf("answers.tsv"), kindOf("addresses.tsv"), kindOf("statuses.tsv")
	t.languages, t.countries, t.regions = kindOf("languages.tsv"), kindOf("countries.tsv"), kindOf("regions.tsv")
	for kind, words := range readTable("people.tsv", "|") {
		t.people[kind] = map[string]bool{}
		for _, w := range words {
			t.people[kind][bareName(w)] = true
			if kind == "team" || kind == "nobody" {
				name := bareName(w)
				t.nobodies[min(len(name), shapeLength-1)][name[0]] = true
			}
		}
	}
	return t
})

type tables struct {
	nothing    map[string]bool            // texts that stand for nothing, as bare leaves them
	noName     map[string]bool            // further ones, where a name is meant
	shapes     [shapeLength][256]bool     // length and first byte of both, to pass most texts by
	anyEnding  map[string]bool            // yelp of "yelp.*"
	nobodies   [shapeLength][256]bool     // the same of teams and stand-ins
	hosts      map[string]string          // kind by host; "yelp.*" stands for any ending
	dummyLocal map[string]bool            // local parts that people invent
	dummyHost  map[string]bool            // hosts that they invent beside those
	neverHost  map[string]bool            // hosts of no address, whatever the local part
	languages  map[string]string          // tag by name in lower case
	countries  map[string]string          // tag by a country's code in lower case
	regions    map[string]string          // end of a tag by the name of a region in lower case
	addresses  map[string]string          // kind by a text instead of an address, or by a part of one, in lower case
	answers    map[string]string          // kind by the text of an answer in lower case
	statuses   map[string]string          // kind by the text of a status, its words in lower case
	people     map[string]map[string]bool // words by kind, as bareName leaves them
}

const shapeLength = 40

func (t *tables) addShape(word string) {
	if word != "" && len(word) < shapeLength {
		t.shapes[len(word)][word[0]] = true
	}
}

// bare is what a text is compared by: lower case without outer blanks and dots.
func bare(s string) string {
	return strings.ToLower(strings.Trim(s, ". \u00a0\t"))
}

// bareName is what a word around a name is compared by: no dots at all.
func bareName(s string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), ".", ""))
}

// isKind says whether a word or phrase is of a kind in people.tsv.
func (t *tables) isKind(kind, word string) bool { return t.people[kind][bareName(word)] }
