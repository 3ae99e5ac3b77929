package pipeline

import (
	"testing"

	"octave-enrich/octave"
)

// TestGoldenKeys holds the names of questions still: a checkpoint of any earlier
// version finds its answers under them. A key that changes here is an answer
// that is paid for again.
func TestGoldenKeys(t *testing.T) {
	full := octave.Request{
		Email: "ada@lovelace.example", FirstName: "Ada", LastName: "Lovelace", JobTitle: "R&D <lead>", CompanyDomain: "lovelace.example",
		CompanyName: "Lovelace \u2028 & \"Co\"", LinkedInProfile: "https://www.linkedin.com/in/ada", CRMContactID: "003", CRMLeadID: "00Q", CRMAccountID: "001",
		Lang: "de", OutputFormat: "html", RuntimeContext: map[string]string{"all": "met in Köln", "2": "a\tb"},
		RuntimeInstructions: map[string]string{"1": "short", "3": ""}, PlaybookSelectionContext: "EMEA",
		CustomContext: &octave.CustomContext{Playbook: &octave.Ref{OID: "pb_1"}, Segment: &octave.Ref{}}, AgentOID: "ca_1", IncludeFullAnnotation: true,
	}
	named := full
	named.RequestID = "anything"
	for _, c := range []struct {
		request octave.Request
		want    string
	}{
		{octave.Request{}, "44136fa355b3678a1146ad16f7e8649e"},
		{octave.Request{Email: "a@b.example"}, "81d3273e8369c9b19db91602a7157a10"},
		{octave.Request{FirstName: "Bj\u00f6rn", CompanyName: "\u682a\u5f0f\u4f1a\u793e", ExperimentOID: "ae_2"}, "7692fb2b0704cfbb5f7e14e975e07e66"},
		{full, "fe9570e88bede44668f26df257479f83"},
		{named, "fe9570e88bede44668f26df257479f83"},
	} {
		if got := NewQuestion(c.request, 0).Key.String(); got != c.want {
			t.Errorf("%s\nkey %s, want %s", c.request.Canonical(), got, c.want)
		}
	}
}
