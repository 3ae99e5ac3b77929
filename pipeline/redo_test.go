package pipeline

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// again is a record of marks.
func again(t *testing.T, at int, body AgainBody) checkpoint.Record {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint.Record{Type: Again, At: time.Unix(int64(at), 0), Body: raw}
}

// Many marks are several records; those that take marks back name no questions to ask.
func TestMarksAreDivided(t *testing.T) {
	keys := make([]checkpoint.Key, mostMarked+1)
	keys[mostMarked] = checkpoint.Key{9}
	if parts := (AgainBody{Keys: keys[1:], Undo: true}).Parts(); len(parts) != 1 {
		t.Errorf("as many as a record takes: %d parts", len(parts))
	}
	for _, body := range []AgainBody{{Keys: keys, Asks: keys, Replaces: keys, With: "short"}, {Keys: keys, Undo: true}} {
		parts := body.Parts()
		if len(parts) != 2 || len(parts[0].Keys) != mostMarked || len(parts[1].Keys) != 1 || parts[1].Keys[0] != keys[mostMarked] || parts[1].With != body.With {
			t.Fatalf("undo %v: %d parts", body.Undo, len(parts))
		}
		for _, p := range parts {
			if want := map[bool]int{false: len(p.Keys), true: 0}[body.Undo]; len(p.Asks) != want || len(p.Replaces) != want {
				t.Errorf("undo %v: %d keys, %d to ask, %d replaced", body.Undo, len(p.Keys), len(p.Asks), len(p.Replaces))
			}
		}
	}
}

// The last mark counts, and an undo takes it back; what an older version wrote does not say what is asked.
func TestReadMarks(t *testing.T) {
	one, two := checkpoint.Key{1}, checkpoint.Key{2}
	marks := ReadMarks([]checkpoint.Record{
		again(t, 1, AgainBody{Keys: []checkpoint.Key{one, two}}),
		again(t, 2, AgainBody{Keys: []checkpoint.Key{one}, Asks: []checkpoint.Key{{7}}, Replaces: []checkpoint.Key{{}}, With: "short"}),
		again(t, 3, AgainBody{Keys: []checkpoint.Key{two, two}, Undo: true}),
		again(t, 4, AgainBody{Keys: []checkpoint.Key{{3}}, Undo: true}),
		{Type: Again, Body: []byte(`"damaged"`)},
	})
	want := Marks{one: {{At: time.Unix(1, 0)}, {At: time.Unix(2, 0), With: "short", Asks: checkpoint.Key{7}}}}
	if d := cmp.Diff(want, marks); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// A mark is open until a newer answer: to the question that it leads to, or of an older version to the one it names.
func TestOpenMarks(t *testing.T) {
	ada := octave.Request{Email: "ada@a.example"}
	key, asks := NewQuestion(ada, 1).Key, NewQuestion(octave.Request{Email: "ada@a.example", Lang: "de"}, 1).Key
	names := AgainBody{Keys: []checkpoint.Key{key}, Asks: []checkpoint.Key{asks}, Replaces: []checkpoint.Key{key}}
	for what, tc := range map[string]struct {
		mark     AgainBody
		answered map[checkpoint.Key]int // and when
		failed   bool                   // before the mark
		open     int
	}{
		"leads to what was never answered": {names, map[checkpoint.Key]int{key: 20}, false, 1},
		"leads to an older answer":         {names, map[checkpoint.Key]int{asks: 9}, false, 1},
		"leads to a newer answer":          {names, map[checkpoint.Key]int{asks: 10}, false, 0},
		"names what was never answered":    {AgainBody{Keys: names.Keys}, nil, false, 1},
		"names what failed":                {AgainBody{Keys: names.Keys}, nil, true, 1},
		"names an older answer":            {AgainBody{Keys: names.Keys}, map[checkpoint.Key]int{key: 9}, false, 1},
		"names a newer answer":             {AgainBody{Keys: names.Keys}, map[checkpoint.Key]int{key: 11}, false, 0},
	} {
		journal := newJournal()
		for k, at := range tc.answered {
			journal.answer(t, ada, time.Unix(int64(at), 0))
			journal.last[k] = journal.last[key]
		}
		if tc.failed {
			raw, err := json.Marshal(FailureBody{Request: NewQuestion(ada, 1).Canonical, Error: "no"})
			if err == nil {
				err = journal.Append(checkpoint.Record{Type: checkpoint.Failed, Key: key, At: time.Unix(9, 0), Body: raw})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if open := OpenMarks(journal, []checkpoint.Record{again(t, 10, tc.mark)}); open != tc.open {
			t.Errorf("%s: %d open", what, open)
		}
	}
}

// Who is erased is in no mark, neither by the question that was marked nor by one that it leads to or replaces.
func TestWithoutKeys(t *testing.T) {
	keys := func(list ...byte) (all []checkpoint.Key) {
		for _, n := range list {
			all = append(all, checkpoint.Key{n})
		}
		return all
	}
	whole := AgainBody{Keys: keys(1, 2), Asks: keys(3, 4), Replaces: keys(5, 6), With: "short"}
	second := AgainBody{Keys: keys(2), Asks: keys(4), Replaces: keys(6), With: "short"}
	for what, tc := range map[string]struct {
		body, left AgainBody
		gone       []checkpoint.Key
	}{
		"nobody":                {whole, whole, keys(9)},
		"by the marked":         {whole, second, keys(1)},
		"by what is asked":      {whole, second, keys(3)},
		"by what is replaced":   {whole, second, keys(5)},
		"everybody":             {whole, AgainBody{With: "short"}, keys(1, 6)},
		"of an older version":   {AgainBody{Keys: keys(1, 2)}, AgainBody{Keys: keys(2)}, keys(1, 5)},
		"a mark that is undone": {AgainBody{Keys: keys(1, 1, 2), Undo: true}, AgainBody{Keys: keys(2), Undo: true}, keys(1)},
	} {
		gone := map[checkpoint.Key]bool{}
		for _, k := range tc.gone {
			gone[k] = true
		}
		rec, kept := WithoutKeys(again(t, 1, tc.body), gone)
		var left AgainBody
		if err := json.Unmarshal(rec.Body, &left); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tc.left, left); d != "" || kept != (len(left.Keys) > 0) {
			t.Errorf("%s: kept %v (-want +got)\n%s", what, kept, d)
		}
	}
	damaged := checkpoint.Record{Type: Again, Body: []byte(`"damaged"`)}
	if rec, kept := WithoutKeys(damaged, nil); !kept || string(rec.Body) != string(damaged.Body) {
		t.Errorf("a record that cannot be read: %s, kept %v", rec.Body, kept)
	}
}

// The answers that a question had before stand in for its new one, the newest first and none of them twice.
func TestMarksApply(t *testing.T) {
	q := NewQuestion(octave.Request{Email: "ada@a.example", RuntimeInstructions: map[string]string{"all": "be kind"}}, 3)
	short, long := q.with("short").Key, q.with("long").Key
	at := func(n int, with string) Mark { return Mark{With: with, At: time.Unix(int64(n), 0)} }
	for what, tc := range map[string]struct {
		marks []Mark
		key   checkpoint.Key
		since time.Time
		older []checkpoint.Key
	}{
		"no mark":                       {nil, q.Key, time.Time{}, nil},
		"once":                          {[]Mark{at(1, "")}, q.Key, time.Unix(1, 0), nil},
		"with an instruction":           {[]Mark{at(1, "short")}, short, time.Unix(1, 0), []checkpoint.Key{q.Key}},
		"with another":                  {[]Mark{at(1, "short"), at(2, "long")}, long, time.Unix(2, 0), []checkpoint.Key{short, q.Key}},
		"twice with the same":           {[]Mark{at(1, "short"), at(2, "short")}, short, time.Unix(2, 0), []checkpoint.Key{q.Key}},
		"without the one it had before": {[]Mark{at(1, "short"), at(2, "")}, q.Key, time.Unix(2, 0), []checkpoint.Key{short}},
	} {
		got := Marks{q.Key: tc.marks}.Apply(q)
		if d := cmp.Diff(tc.older, got.Older); d != "" || got.Key != tc.key || !got.Since.Equal(tc.since) || got.Row != 3 {
			t.Errorf("%s: %v of row %d since %v (-want +got)\n%s", what, got.Key, got.Row, got.Since, d)
		}
	}
	if said := q.with("short").Request.RuntimeInstructions["all"]; said != "be kind\nshort" || q.Request.RuntimeInstructions["all"] != "be kind" {
		t.Errorf("said is %q, and of the question itself %q", said, q.Request.RuntimeInstructions["all"])
	}
}

// A mark that leads back to an earlier question does not bring its words back: the newest
// answer stays the row's until there is a newer one.
func TestMarkBringsNoEarlierWordsBack(t *testing.T) {
	base := NewQuestion(octave.Request{Email: "ada@alder.example"}, 1)
	shorter := base.with("shorter")
	journal := newJournal()
	for i, q := range []*Question{base, shorter} {
		body := fmt.Sprintf(`{"request":%s,"answer":{"found":true,"data":{"emails":[{"subject":"s","email":"words %d"}]}}}`, q.Canonical, i+1)
		if err := journal.Append(checkpoint.Record{Type: checkpoint.Answered, Key: q.Key, At: time.Unix(int64(10*i), 0), Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	memory := &Memory{Journal: journal, Redo: ReadMarks([]checkpoint.Record{
		again(t, 5, AgainBody{Keys: []checkpoint.Key{base.Key}, With: "shorter"}),
		again(t, 20, AgainBody{Keys: []checkpoint.Key{base.Key}}),
	})}
	q, decision := memory.decide(base)
	if decision != ToAsk || q.Key != base.Key {
		t.Fatalf("%s %v", decision, q.Key)
	}
	answer, err := memory.standIn(q)
	if err != nil || answer == nil || answer.Emails[0].Body != "words 2" {
		t.Errorf("%+v, %v", answer, err)
	}
	if keys := (ContactState{Base: base}).Answers(memory); len(keys) != 2 || keys[0] != shorter.Key {
		t.Errorf("answers %v", keys)
	}
}
