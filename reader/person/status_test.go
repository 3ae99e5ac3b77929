package person

import "testing"

// Who says stop is left out, who takes it back is not, and what is about something else
// says nothing.
func TestStatusOf(t *testing.T) {
	for cell, want := range map[string]Status{
		"do_not_mail": Stop, "Unsubscribed (2 May)": Stop, "unsubscribed 2024-05-02": Stop, "Has opted out": Stop, "UNSUB": Stop, "Désabonnée": Stop,
		"Do not contact until Q3": Stop, "on the exclude list: email": Stop, "opted out: column Unsubscribed": Stop,
		"Hard bounced": BadMail, "invalid": BadMail, "Yes": Yes, "1": Yes,
		"": "", "subscribed": "", "never unsubscribed": "", "Opt out: No": "", "Unsubscribe: false": "", "DNC=0": "", "Suppressed - no": "",
		"unsubscribed (2019), resubscribed": "", "Opt out not requested": "", "Unsubscribe link": "", "Do not send samples": "", "no email address": "", "valid": "", "10": "",
	} {
		if got := StatusOf(cell); got != want {
			t.Errorf("%q is %q, want %q", cell, got, want)
		}
	}
}
