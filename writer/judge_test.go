package writer

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each row that a sender must not have is held back, and says why.
func TestJudge(t *testing.T) {
	ok := []Email{{Subject: "Hello", Body: "First."}, {Subject: "Again", Body: "Second."}}
	with := func(i int, e Email) []Email { return append(append(append([]Email{}, ok[:i]...), e), ok[i+1:]...) }
	text := func(body string) []Email { return with(1, Email{Subject: "s", Body: body}) }
	tests := []struct {
		name, want string
		row        Row
	}{
		{"fine", "", Row{Emails: ok}},
		{"reply in the thread", "", Row{Emails: with(1, Email{Body: "Second."})}},
		{"not asked", "not_attempted", Row{Status: StatusNotAttempted}},
		{"failed", "timeout", Row{Status: StatusFailed, Error: "timeout"}},
		{"excluded", "on the list", Row{Status: StatusExcluded, Error: "on the list", Emails: ok}},
		{"no address", "no email address", Row{Emails: ok, To: Recipient{FirstName: "Al"}}},
		{"too short", "1 of 2 messages", Row{Emails: ok[:1]}},
		{"empty body", "empty body in email_body_1", Row{Emails: with(0, Email{Subject: "s", Body: " \n"})}},
		{"empty subject", "empty subject in email_subject_1", Row{Emails: with(0, Email{Body: "b"})}},
		{"formula", "leading = in email_body_2", Row{Emails: text("=HYPERLINK(1)")}},
		{"formula behind a space", "leading = in email_body_2", Row{Emails: text(" =1")}},
		{"formula in the name", "leading = in first_name", Row{Emails: ok, To: Recipient{Email: "a@b.c", FirstName: "=1"}}},
		{"merge tag", "merge tag in email_subject_2", Row{Emails: with(1, Email{Subject: "Hi {{first_name}}", Body: "b"})}},
		{"merge tag in the company", "merge tag in company_name", Row{Emails: ok, To: Recipient{Email: "a@b.c", CompanyName: "{{x}}"}}},
		{"liquid", "merge tag in email_body_2", Row{Emails: text("{% if x %}")}},
		{"spintax", "spintax in email_body_2", Row{Emails: text("{Hi|Hello\nthere} Al")}},
		{"nested spintax", "spintax in email_body_2", Row{Emails: text("{Hi|{a|b}}")}},
		{"brackets", "placeholder in email_body_2", Row{Emails: text("Hi [First Name],")}},
		{"brackets at the end", "placeholder in email_body_2", Row{Emails: text("Hi [Prénom]")}},
		{"braces", "placeholder in email_body_2", Row{Emails: text("Hi {first_name},")}},
		{"link", "", Row{Emails: text("see [our page](https://example.com)")}},
		{"footnote", "", Row{Emails: text("as shown [1]")}},
		{"code", "", Row{Emails: text("{\"a\": 1} and a|b")}},
		{"company in brackets", "", Row{Emails: ok, To: Recipient{Email: "a@b.c", CompanyName: "[solidcore]"}}},
		{"dash", "", Row{Emails: text("- one\n- two")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.row.To == (Recipient{}) {
				tt.row.To.Email = "al@example.com"
			}
			if tt.row.Status == "" {
				tt.row.Status = StatusOK
			}
			tt.row.Cells = []string{"as it was"}
			path := filepath.Join(t.TempDir(), "o.csv")
			out := finish(t, path, Options{Columns: []string{"note"}, Preset: "smartlead", Emails: 2}, []Row{tt.row})
			want := "note,octave_status,octave_reason\n"
			if tt.want != "" {
				want += "as it was," + tt.row.Status + "," + tt.want + "\n"
			}
			if got := string(read(t, HeldPath(path))); got != want {
				t.Errorf("held: %q, want %q", got, want)
			}
			if out.Rows+out.Held.Rows != 1 || len(out.Held.Reasons) != out.Held.Rows {
				t.Errorf("described as %+v", out)
			}
		})
	}
}

// The first row with an address is sent, unless it is held back for something else.
func TestDuplicates(t *testing.T) {
	row := func(email, body string) Row {
		return Row{Cells: []string{body}, Status: StatusOK, To: Recipient{Email: email}, Emails: []Email{{Subject: "s", Body: body}}}
	}
	path := filepath.Join(t.TempDir(), "o.csv")
	out := finish(t, path, Options{Columns: []string{"n"}, Preset: "outreach", Keep: []string{"n"}}, []Row{
		row("a@example.com", "[Name]"), row("a@example.com", "second"), row("A@Example.com", "third"), row("b@example.com", "fourth"),
	})
	if diff := cmp.Diff(map[string]int{"placeholder": 1, "duplicate address": 1}, out.Held.Reasons); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := string(read(t, path)); !strings.Contains(got, "second") || !strings.Contains(got, "fourth") || strings.Contains(got, "third") {
		t.Errorf("sent: %q", got)
	}
}

// How many messages a row needs is decided by the rows that can be sent.
func TestStepsOfSendableRows(t *testing.T) {
	email := Email{Subject: "s", Body: "b"}
	out := finish(t, filepath.Join(t.TempDir(), "o.csv"), Options{Preset: "hubspot"}, []Row{
		{Status: StatusOK, To: Recipient{Email: "a@example.com"}, Emails: []Email{email, email}},
		{Status: StatusOK, Emails: []Email{email, email, email}}, // nobody to send it to
		{Status: StatusExcluded, Error: "excluded: entry 3", To: Recipient{Email: "c@example.com"}, Emails: []Email{email, email, email}},
	})
	if out.Rows != 1 || out.Emails != 2 || out.Held.Reasons["excluded"] != 1 {
		t.Errorf("%d rows with %d messages, want 1 with 2; held: %v", out.Rows, out.Emails, out.Held.Reasons)
	}
}

// A sender's text is never escaped: the apostrophe would reach the prospect.
func TestPresetIsNotEscaped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.csv")
	finish(t, path, Options{Preset: "smartlead"}, []Row{{
		Status: StatusOK, To: Recipient{Email: "a@example.com", FirstName: "@al"}, Emails: []Email{{Subject: "+1", Body: "-- a"}},
	}})
	if got := string(read(t, path)); !strings.HasSuffix(got, "a@example.com,@al,,,,,,+1,-- a\n") {
		t.Errorf("%q", got)
	}
}
