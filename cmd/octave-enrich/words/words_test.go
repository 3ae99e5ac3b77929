package words

import "testing"

func TestMasked(t *testing.T) {
	for text, want := range map[string]string{
		"422: unknown persona":                                      "422: unknown persona",
		"400: email <Ada@alder.example> is not valid":               "400: email *** is not valid",
		"404: nobody at https://www.LinkedIn.com/in/ada, try again": "404: nobody at *** try again",
	} {
		if got := Masked(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
