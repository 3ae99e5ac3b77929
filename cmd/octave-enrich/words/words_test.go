package words

import (
	"testing"
	"time"
)

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

func TestSpansAndRates(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 34 * time.Second: "34 s", 99 * time.Second: "99 s", 100 * time.Second: "2 min", 58*time.Minute + 10*time.Second: "58 min",
		190 * time.Minute: "3 h 10 min", 4 * time.Hour: "4 h", 100 * time.Hour: "4 days",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	for perMinute, want := range map[float64]string{12.2: "12/min", 0.05: "3/h", 1200: "20/s", 300: "300/min"} {
		if got := Rate(perMinute); got != want {
			t.Errorf("%v: %s, want %s", perMinute, got, want)
		}
	}
}
