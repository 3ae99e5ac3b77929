package writer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sequenceOf is a sequence of so many messages, written as text, HTML and Markdown.
func sequenceOf(n int, format string, subjects bool) (emails []Email) {
	bodies := map[string]string{
		"text":     "Hi Ada,\n\n1 < 2 & <i>so</i> on, see [our page](https://example.com/a).\nBest,\nBob",
		"html":     "<p>Hi Ada,</p><p>1 &lt; 2 &amp; <i>so</i> on, see <a href=\"https://example.com/a\">our page</a>.</p>",
		"markdown": "Hi Ada,\n\n1 < 2 & *so* on, see **[our page](https://example.com/a)**.\n\n- one\n- two",
	}
	for i := range n {
		e := Email{Body: bodies[format]}
		if i == 0 || subjects {
			e.Subject = fmt.Sprintf("R&amp;D, <b>part</b>\n%d", i+1)
		}
		emails = append(emails, e)
	}
	return emails
}

// rowsOf are three people, one for each format.
func rowsOf(n int, subjects bool) (rows []Row) {
	for i, format := range []string{"text", "html", "markdown"} {
		to := sample()[0].To
		to.Email, to.CRMContactID = format+"@example.com", []string{"00123", "", "00124"}[i]
		rows = append(rows, Row{
			Cells: []string{format}, Status: StatusOK, To: to, Emails: sequenceOf(n, format, subjects),
			OutputType: json.RawMessage(`"` + format + `"`),
		})
	}
	return rows
}

// Each sender has one golden file: its columns with 1, 4 and 7 messages as text, HTML and Markdown, the same as threads,
// and what to do with the file.
func TestPresetGolden(t *testing.T) {
	for _, name := range Presets() {
		t.Run(name, func(t *testing.T) {
			var all strings.Builder
			for _, n := range []int{1, 4, 7} {
				for _, subjects := range []bool{true, false} {
					if n == 1 && !subjects {
						continue
					}
					path := filepath.Join(t.TempDir(), "upload.csv")
					out := finish(t, path, Options{Columns: []string{"Format"}, Preset: name, Keep: []string{"Format"}}, rowsOf(n, subjects))
					if out.Rows != 3 {
						t.Errorf("%d messages: %d rows, and held: %v", n, out.Rows, out.Held.Reasons)
					}
					fmt.Fprintf(&all, "-- %d messages, subjects %v --\n%s", n, subjects, read(t, path))
					for _, line := range append(append([]string{out.Define}, out.Notes...), out.Next...) {
						fmt.Fprintf(&all, "> %s\n", line)
					}
				}
			}
			golden(t, filepath.Join("preset", name+".txt"), []byte(all.String()))
		})
	}
}

// One longer sequence holds nobody back: it is cut. A shorter one is held.
func TestStepsAreTheCommonest(t *testing.T) {
	rows := func(lengths ...int) (rows []Row) {
		for i, n := range lengths {
			rows = append(rows, Row{Status: StatusOK, To: Recipient{Email: fmt.Sprintf("%d@example.com", i)}, Emails: sequenceOf(n, "text", true)})
		}
		return rows
	}
	tests := []struct {
		name                    string
		given                   int
		lengths                 []int
		rows, emails, cut, held int
	}{
		{"one longer", 0, []int{4, 4, 4, 5}, 4, 4, 1, 0},
		{"one shorter", 0, []int{4, 4, 4, 3}, 3, 4, 0, 1},
		{"as many of both", 0, []int{4, 3, 4, 3}, 4, 3, 2, 0},
		{"given", 3, []int{4, 4, 4, 2}, 3, 3, 3, 1},
		{"given too many", 5, []int{4, 5}, 1, 5, 0, 1},
		{"nobody", 0, nil, 0, 0, 0, 0},
		{"no messages in most", 0, []int{0, 0, 2}, 1, 2, 0, 2},
	}
	for _, tt := range tests {
		out := finish(t, filepath.Join(t.TempDir(), "o.csv"), Options{Preset: "smartlead", Emails: tt.given}, rows(tt.lengths...))
		if out.Rows != tt.rows || out.Emails != tt.emails || out.Shortened != tt.cut || out.Held.Rows != tt.held {
			t.Errorf("%s: %d rows of %d messages, %d cut, %d held, want %d of %d, %d, %d", tt.name,
				out.Rows, out.Emails, out.Shortened, out.Held.Rows, tt.rows, tt.emails, tt.cut, tt.held)
		}
	}
}

// Rows with and without a second subject never stand in one file: one template cannot serve both.
func TestSubjectsAreAlike(t *testing.T) {
	rows := func(subjects ...bool) (rows []Row) {
		for i, has := range subjects {
			rows = append(rows, Row{Status: StatusOK, To: Recipient{Email: fmt.Sprintf("%d@example.com", i)}, Emails: sequenceOf(3, "text", has)})
		}
		return rows
	}
	tests := []struct {
		name    string
		thread  bool
		rows    []Row
		columns string
		held    map[string]int
		next    string
	}{
		{"most have", false, rows(true, true, false), "email_subject_1,email_body_1,email_subject_2,email_body_2,email_subject_3,email_body_3", map[string]int{"no second subject": 1}, ""},
		{"most have none", false, rows(false, true, false), "email_subject_1,email_body_1,email_body_2,email_body_3", map[string]int{"a subject that most have not": 1}, "leave the subject of steps 2 and later blank"},
		{"a thread that was asked for", true, rows(true, true, false), "email_subject_1,email_body_1,email_body_2,email_body_3", map[string]int{}, "leave the subject of steps 2 and later blank"},
	}
	for _, tt := range tests {
		out := finish(t, filepath.Join(t.TempDir(), "o.csv"), Options{Preset: "instantly", Thread: tt.thread}, tt.rows)
		if got := strings.Join(out.Columns[6:], ","); got != tt.columns {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.columns)
		}
		if diff := cmp.Diff(tt.held, out.Held.Reasons); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if got := strings.Join(out.Next, "\n"); strings.Contains(got, "blank") != (tt.next != "") || !strings.Contains(got, tt.next) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.next)
		}
	}
}

// A later message without a subject, where most have one, is a reply: no column is ever empty.
func TestLaterSubjects(t *testing.T) {
	row := func(email string, subjects ...string) Row {
		r := Row{Status: StatusOK, To: Recipient{Email: email}}
		for _, s := range subjects {
			r.Emails = append(r.Emails, Email{Subject: s, Body: "b"})
		}
		return r
	}
	path := filepath.Join(t.TempDir(), "o.csv")
	out := finish(t, path, Options{Preset: "hubspot"}, []Row{row("a@b.c", "A", "B", ""), row("d@b.c", "D", "E", "F"), row("g@b.c", "G", "re: H", "I"), row("j@b.c", "J", "", "K")})
	if want := `; --thread takes them all`; len(out.Notes) != 2 || !strings.HasPrefix(out.Notes[0], "rows held back for their subjects: 1"+want) {
		t.Errorf("notes: %q", out.Notes)
	}
	want := "a@b.c,,,,,A,b,B,b,Re: B,b\nd@b.c,,,,,D,b,E,b,F,b\ng@b.c,,,,,G,b,re: H,b,I,b\n"
	if got := string(read(t, path)); !strings.HasSuffix(got, want) || out.Replies != 1 || out.Held.Reasons["no second subject"] != 1 {
		t.Errorf("%q, held %v, %d replies", got, out.Held.Reasons, out.Replies)
	}
}

// A later message that most have no subject for has a column for it all the same when the second has one; without a second
// the later ones go by the most of them, and what is told names the step.
func TestSubjectsOfTheThird(t *testing.T) {
	rows := func(subjects ...string) (rows []Row) {
		for i, all := range subjects {
			r := Row{Status: StatusOK, To: Recipient{Email: fmt.Sprintf("%d@example.com", i)}}
			for s := range strings.SplitSeq(all, "|") {
				r.Emails = append(r.Emails, Email{Subject: s, Body: "b"})
			}
			rows = append(rows, r)
		}
		return rows
	}
	for _, tt := range []struct {
		name, columns, next, held string
		rows                      []Row
	}{
		{"most have no third", "email_subject_1,email_body_1,email_subject_2,email_body_2,email_subject_3,email_body_3", "", "", rows("A|B|", "C|D|")},
		{"no second", "email_subject_1,email_body_1,email_body_2,email_subject_3,email_body_3", "leave the subject of step 2 blank", "", rows("A||B", "C||D")},
		{"one has a third", "email_subject_1,email_body_1,email_body_2,email_body_3", "steps 2 and later", "a subject of message 3, and most have none", rows("A||", "B||", "C||D")},
		{"two messages", "email_subject_1,email_body_1,email_subject_2,email_body_2", "step 2: subject {{email_subject_2}}, body {{email_body_2}}, and nothing else", "", rows("A|B")},
	} {
		path := filepath.Join(t.TempDir(), "o.csv")
		out := finish(t, path, Options{Preset: "instantly"}, tt.rows)
		next := strings.Join(out.Next, "\n")
		if got := strings.Join(out.Columns[6:], ","); got != tt.columns || !strings.Contains(next, tt.next) {
			t.Errorf("%s: %s, want %s; told: %s, want %s", tt.name, got, tt.columns, next, tt.next)
		}
		if noted := strings.Contains(strings.Join(out.Notes, ""), "held back for their subjects: 1;"); noted != (tt.held != "") {
			t.Errorf("%s: notes %q", tt.name, out.Notes)
		}
		if held := string(read(t, HeldPath(path))); !strings.Contains(held, tt.held) || strings.Contains(held, "subject") != (tt.held != "") {
			t.Errorf("%s: held: %s, want %s", tt.name, held, tt.held)
		}
	}
}

// What one sender alone minds is held for that sender alone.
func TestSendersOwn(t *testing.T) {
	text := func(body string) Row {
		return Row{Cells: []string{"", ""}, Status: StatusOK, To: Recipient{Email: "a@example.com", FirstName: "Al", LastName: "Li"}, Emails: []Email{{Subject: "s", Body: body}}}
	}
	noName, noLast, kept := text("b"), text("b"), text("b")
	noName.To.FirstName, noLast.To.LastName, kept.Cells = "", "", []string{"see {{first_name}} {a|b}", ""}
	tests := []struct {
		preset, want string
		row          Row
	}{
		{"smartlead", "", text("%signature%")},
		{"smartlead", "", text("Best,\n%sender-firstname%")},
		{"instantly", "placeholder in email_body_1", text("%signature%")},
		{"emailbison", "merge tag in body_1", text("costs $40 {about}")},
		{"smartlead", "", text("costs $40 {about}")},
		{"outreach:20", "text too long in Custom 21", text(strings.Repeat("x", 40000))},
		{"outreach:20", "", text(strings.Repeat("é", 30000))},
		{"lemlist", "", text(strings.Repeat("x", 40000))},
		{"reply", "no First Name, which Reply.io needs", noName},
		{"reply", "", noLast},
		{"emailbison", "no last_name, which EmailBison needs", noLast},
		{"smartlead", "", noName},
		{"smartlead", "merge tag in note", kept},
		{"hubspot", "placeholder in Octave Email 1 Body", text("Hi <First Name>,")},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "o.csv")
		finish(t, path, Options{Columns: []string{"note", "city"}, Keep: []string{"note", "city"}, Preset: tt.preset}, []Row{tt.row})
		got := strings.TrimSpace(strings.TrimPrefix(string(read(t, HeldPath(path))), "note,city,octave_status,octave_reason\n"))
		if _, reason, _ := strings.Cut(got, "ok,"); strings.Trim(reason, `"`) != tt.want {
			t.Errorf("%s: held for %q, want %q", tt.preset, reason, tt.want)
		}
	}
}

// A record id is there where one is known, and never twice with another address.
func TestRecordID(t *testing.T) {
	row := func(email, id string) Row {
		return Row{Status: StatusOK, To: Recipient{Email: email, CRMContactID: id}, Emails: []Email{{Subject: "s", Body: "b"}}}
	}
	path := filepath.Join(t.TempDir(), "o.csv")
	out := finish(t, path, Options{Preset: "hubspot"}, []Row{row("a@example.com", ""), row("b@example.com", "")})
	if out.Columns[0] != "Email" || len(out.Notes) > 0 {
		t.Errorf("without ids: %v, %v", out.Columns, out.Notes)
	}
	out = finish(t, path, Options{Preset: "hubspot"}, []Row{row("a@example.com", "1"), row("b@example.com", ""), row("c@example.com", "1")})
	if out.Columns[0] != "Record ID" || out.Rows != 2 || out.Held.Reasons["another address of the person"] != 1 || len(out.Notes) == 0 {
		t.Errorf("with ids: %+v, %v", out, out.Held.Reasons)
	}
}

// Who was in an earlier file is left out of both files, by the address as by the record id, and counted.
func TestEarlierPeopleAreLeftOut(t *testing.T) {
	row := func(email, id string) Row {
		return Row{Status: StatusOK, To: Recipient{Email: email, CRMContactID: id}, Emails: []Email{{Subject: "s", Body: "b"}}}
	}
	dir := t.TempDir()
	first := finish(t, filepath.Join(dir, "1.csv"), Options{Preset: "hubspot"}, []Row{row("a@example.com", "1"), row("b@example.com", ""), row("", "3")})
	earlier := map[Person]bool{}
	for _, p := range first.People {
		earlier[p] = true
	}
	if len(earlier) != 3 || earlier[PersonOf("3")] {
		t.Errorf("%d people, and who was held back among them: %v", len(earlier), earlier[PersonOf("3")])
	}
	out := finish(t, filepath.Join(dir, "2.csv"), Options{Preset: "hubspot", Earlier: earlier},
		[]Row{row("A@Example.com", ""), row("other@example.com", "1"), row("c@example.com", "3"), {Status: StatusFailed, Error: "x", To: Recipient{Email: "b@example.com"}}, row("", "")})
	if out.Rows != 1 || out.LeftOut != 3 || out.Held.Rows != 1 || len(out.People) != 2 {
		t.Errorf("%+v, held %d", out, out.Held.Rows)
	}
}

// A word in presets.json that nobody knows, or a column of nothing that is known, would be passed over.
func TestPresetsAreRead(t *testing.T) {
	var s senders
	decoder := json.NewDecoder(bytes.NewReader(presetsJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil || len(s.Presets) == 0 || len(s.None) == 0 {
		t.Fatalf("%d presets, and %d that there are not: %v", len(s.Presets), len(s.None), err)
	}
	for _, p := range s.Presets {
		for _, c := range p.Person {
			if _, known := (Recipient{}).values()[c.Of]; !known && c.Of != "" {
				t.Errorf("%s: %s is of %s, which there is not", p.Name, c.Name, c.Of)
			}
		}
	}
}

// A preset that is not there says why, where that is known.
func TestNoSuchPreset(t *testing.T) {
	for name, want := range map[string]string{
		"salesloft": "neither HTML nor line breaks", "La Growth Machine": "250 characters", "heyreach": "no email", "klenty": "not known",
		"pigeon": "no preset", "outreach:0": "takes no", "outreach:150": "takes no", "outreach:x": "takes no", "smartlead:3": "takes no",
	} {
		_, err := presetOf(name)
		var option *OptionsError
		if !errors.As(err, &option) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	for preset, want := range map[string]struct {
		opt  Options
		says string
	}{
		"instantly":    {Options{Columns: []string{"a column with a long name"}, Keep: []string{"a column with a long name"}}, "at most 20 characters"},
		"reply":        {Options{Columns: numbered(44), Keep: numbered(44), Emails: 1}, "50 columns, not 51"},
		"outreach:144": {Options{Emails: 4}, "no custom field 151"},
	} {
		want.opt.Preset, want.opt.Rule = preset, rule(t)
		var option *OptionsError
		if err := want.opt.Check("o.csv"); !errors.As(err, &option) || !strings.Contains(err.Error(), want.says) { // before a message is paid for
			t.Errorf("%s: %v, want %s", preset, err, want.says)
		}
	}
	apollo := &layout{preset: mustPreset(t, "apollo")}
	if most, more := apollo.fits(10_000), apollo.fits(10_001); most != nil || more == nil {
		t.Errorf("10,000 rows: %v; one more: %v", most, more)
	}
	f := mustCreate(t, filepath.Join(t.TempDir(), "o.csv"), Options{Preset: "outreach:149", Rule: rule(t)})
	if err := f.Write(Row{Status: StatusOK, To: Recipient{Email: "a@b.example"}, Emails: []Email{{Subject: "s", Body: "b"}, {Subject: "s", Body: "b"}}}); err != nil {
		t.Fatal(err)
	}
	var option *OptionsError
	if _, err := f.Finish(); !errors.As(err, &option) { // what only the answers tell
		t.Errorf("outreach:149 took two messages: %v", err)
	}
	_ = f.Abort()
	name := strings.Repeat("n", 20) // as long as it may be
	for preset, opt := range map[string]Options{
		"instantly":    {Columns: []string{name}, Keep: []string{name}},
		"reply":        {Columns: numbered(43), Keep: numbered(43), Emails: 1},
		"outreach:1":   {},
		"outreach:143": {Emails: 4}, // up to the last field that there is
	} {
		opt.Preset, opt.Rule = preset, rule(t)
		f := mustCreate(t, filepath.Join(t.TempDir(), "o.csv"), opt)
		if _, err := f.Finish(); err != nil {
			t.Errorf("%s: %v", preset, err)
		}
		_ = f.Abort()
	}
}

// numbered are the names of n columns.
func numbered(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("c%d", i))
	}
	return names
}

func mustPreset(t *testing.T, name string) *preset {
	t.Helper()
	p, err := presetOf(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSpelling(t *testing.T) {
	tests := []struct{ name, breaks, body, format, want string }{
		{"lines", "<br />", "a\nb\r\nc\n", "text", "a<br />b<br />c"},
		{"signs", "<br>", `1 < 2 & "x" > y`, "text", `1 &lt; 2 &amp; "x" &gt; y`},
		{"italics in a text", "<br>", "a <i>b</i>\nc", "text", "a &lt;i&gt;b&lt;/i&gt;<br>c"},
		{"a link in a text", "<br>", "see [it](https://example.com/a?b=1&c=2)", "text", `see <a href="https://example.com/a?b=1&amp;c=2">it</a>`},
		{"told to be HTML, without tags", "<br>", "a\nb &amp; c", "html", "a<br>b &amp; c"},
		{"paragraphs", "<br>", "<p>a &amp; b</p>\n<p>c</p>", "html", "<p>a &amp; b</p>\n<p>c</p>"},
		{"Markdown", "<br>", "**a** [b](https://example.com)\n\nc", "markdown", "<p><strong>a</strong> <a href=\"https://example.com\">b</a></p>\n<p>c</p>"},
		{"plain", "", "a < b\nc", "text", "a < b\nc"},
		{"plain link", "", "see [it](https://example.com)", "text", "see it (https://example.com)"},
		{"plain HTML", "", "<style>x</style><p>a &amp; <b>b</b></p><ul><li>c</li><li>d</li></ul>e<br>f <a href=\"https://example.com\">g</a>", "html", "a & b\n\n- c\n- d\n\ne\nf g (https://example.com)"},
		{"spaces in plain HTML", "", "a <b> b </b> c<br> d <p> e</p>", "html", "a b c\nd\n\ne"},
		{"one space between tags", "", "<b>a</b> <i>b</i>", "html", "a b"},
		{"a link that is its own text", "", `see <a href="https://example.com">https://example.com</a>`, "html", "see https://example.com"},
		{"an address in plain HTML", "", `<a class="x" href="mailto:a@b.example">write</a> or <a href="">not</a>`, "html", "write (a@b.example) or not"},
		{"plain Markdown", "", "**a**\n\nb [c](https://example.com)", "markdown", "a\n\nb c (https://example.com)"},
	}
	for _, tt := range tests {
		if got, err := newSpelling(tt.breaks).body(tt.body, tt.format); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	for text, want := range map[string]string{"a &amp; b": "a & b", "Hi <b>you</b>\r\n there ": "Hi you there", "1 < 2": "1 < 2", "R&D": "R&D", "q&copy b": "q&copy b"} {
		if got := newSpelling("").subject(text); got != want {
			t.Errorf("the subject %q: %q, want %q", text, got, want)
		}
	}
}

// A rehearsal says what the file would be: as many rows, held for the same reasons, whatever was answered.
func TestRehearsalIsTheFile(t *testing.T) {
	sure := rule(t)
	text := rapid.SampledFrom([]string{"Hi Ann.", "", "Hi <First Name>,", "TODO", "a\nb", "{a|b}", "<p>x</p>", "**x**", "\u200b", "see [1]", "%signature%", "{about}", strings.Repeat("x", 40000)})
	email := rapid.Custom(func(t *rapid.T) Email { return Email{Subject: text.Draw(t, "subject"), Body: text.Draw(t, "body")} })
	one := rapid.Custom(func(t *rapid.T) Row {
		return Row{
			Cells:  []string{text.Draw(t, "kept")},
			Status: rapid.SampledFrom([]string{StatusOK, StatusOK, StatusOK, StatusOK, StatusFailed, StatusNotAttempted, StatusExcluded}).Draw(t, "status"),
			Emails: rapid.SliceOfN(email, 0, 5).Draw(t, "emails"), OutputType: json.RawMessage(rapid.SampledFrom([]string{"", `"html"`, `"markdown"`}).Draw(t, "type")),
			To: Recipient{
				Email:     rapid.SampledFrom([]string{"", "a@example.com", "b@example.com", "c@example.com", "d@example.com"}).Draw(t, "to"),
				FirstName: rapid.SampledFrom([]string{"", "Ann"}).Draw(t, "name"), CRMContactID: rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "id"),
			},
		}
	})
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		opt := Options{
			Columns: []string{"note"}, Rule: sure, SpoolDir: dir, Preset: rapid.SampledFrom(Presets()).Draw(t, "preset"),
			Emails: rapid.IntRange(0, 3).Draw(t, "steps"), Thread: rapid.Bool().Draw(t, "thread"),
		}
		if rapid.Bool().Draw(t, "keep") {
			opt.Keep = []string{"note"}
		}
		rows := rapid.SliceOfN(one, 0, 12).Draw(t, "rows")
		path := filepath.Join(dir, rapid.SampledFrom([]string{"o.csv", "o.csv", "o.xlsx"}).Draw(t, "output"))
		told := described(t, rows, func() (*File, error) { return Rehearse(path, opt) })
		is := described(t, rows, func() (*File, error) { return Create(path, opt) })
		if diff := cmp.Diff(is, told); diff != "" {
			t.Fatalf("(-file +rehearsal):\n%s", diff)
		}
	})
}

// described is what Finish says of the rows, but for names and bytes of files.
func described(t *rapid.T, rows []Row, begin func() (*File, error)) (list []any) {
	f, err := begin()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	for _, row := range rows {
		if err := f.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	out, err := f.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return []any{out.Rows, out.Emails, out.Shortened, out.Replies, out.Columns, out.Held.Rows, out.Held.Reasons, out.Define, out.Notes, out.Next}
}
