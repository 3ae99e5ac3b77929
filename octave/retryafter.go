package octave

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// retryAfter reads Retry-After in both of its forms: seconds, or an HTTP date,
// which is measured against the answer's own Date, for the service's clock is
// not ours, and against now without one. The raw text comes back too, so that
// a report can show what could not be read. There is no upper bound here: how
// long to obey is the caller's policy.
func retryAfter(h http.Header, now time.Time) (wait time.Duration, raw string) {
	raw = strings.TrimSpace(h.Get("Retry-After"))
	if raw == "" {
		return 0, ""
	}
	if seconds, err := strconv.ParseFloat(raw, 64); err == nil {
		return duration(seconds), raw
	}
	at, err := http.ParseTime(raw)
	if err != nil {
		return 0, raw
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, at.Sub(now)), raw
}

// duration is so many seconds; 0 for less than none and for what is not a
// number, the longest duration for more than fit.
func duration(seconds float64) time.Duration {
	switch {
	case !(seconds > 0): // NaN too
		return 0
	case seconds >= math.MaxInt64/float64(time.Second):
		return math.MaxInt64
	}
	return time.Duration(seconds * float64(time.Second))
}
