package octave

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Quota is what the headers of an answer say of the service's limit. It holds as
// of the start of the call. The zero value says nothing.
type Quota struct {
	Limit     int           // calls in a window; 0 when nothing is said
	Remaining int           // calls left in this window
	Reset     time.Duration // until the next window
	Window    time.Duration // its length, 0 when that is not said
}

// longestReset is beyond what a limit of speed is about.
const longestReset = 24 * time.Hour

// quota reads the current draft of RateLimit and RateLimit-Policy, an older one
// with all in the field RateLimit, the fields RateLimit-* of the drafts before, and
// X-RateLimit-* or X-Rate-Limit-* with a reset in seconds or as an epoch. What is
// incomplete or contradicts itself says nothing.
func quota(h http.Header, now time.Time) Quota {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	var said Quota
	for _, q := range []Quota{
		draft(h), olderDraft(h), fields(h, "RateLimit-", now), fields(h, "X-RateLimit-", now), fields(h, "X-Rate-Limit-", now),
	} {
		switch {
		case q.Limit <= 0 || q.Remaining < 0 || q.Remaining > q.Limit || q.Reset <= 0 || q.Reset > longestReset || q.Window > longestReset:
		case said.Limit > 0 && (said.Limit != q.Limit || said.Remaining != q.Remaining):
			return Quota{}
		case said.Limit == 0:
			said = q
		}
	}
	return said
}

// on is err with the quota of its answer.
func (q Quota) on(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Quota = q
	}
	return err
}

// draft reads `RateLimit-Policy: "default";q=100;w=60` and
// `RateLimit: "default";r=50;t=30`. Of several limits it is the one that leaves the
// fewest calls a second, by the policy of its own name. Without t, which may be left
// out, the calls that are left are spread as evenly as the policy allows.
func draft(h http.Header) (tightest Quota) {
	policies := items(h.Values("RateLimit-Policy"))
	for name, limit := range items(h.Values("RateLimit")) {
		policy := policies[name]
		q := Quota{Limit: whole(policy["q"]), Remaining: whole(limit["r"]), Reset: seconds(limit["t"]), Window: seconds(policy["w"])}
		if limit["t"] == "" && q.Limit > 0 {
			q.Reset = q.Window * time.Duration(max(q.Remaining, 1)) / time.Duration(q.Limit)
		}
		if q.Limit > 0 && q.Remaining >= 0 && q.Reset > 0 && (tightest.Limit == 0 || q.perSecond() < tightest.perSecond()) {
			tightest = q
		}
	}
	return tightest
}

// olderDraft reads `RateLimit: limit=100, remaining=50, reset=30`, with the window in
// `RateLimit-Policy: 100;w=60`.
func olderDraft(h http.Header) Quota {
	said := map[string]string{}
	for part := range strings.SplitSeq(h.Get("RateLimit"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		said[name] = value
	}
	window := items(h.Values("RateLimit-Policy"))[said["limit"]]["w"]
	return Quota{Limit: whole(said["limit"]), Remaining: whole(said["remaining"]), Reset: seconds(said["reset"]), Window: seconds(window)}
}

// perSecond is how fast the calls that are left would be used up by the reset.
func (q Quota) perSecond() float64 { return float64(q.Remaining) / q.Reset.Seconds() }

// items are the parameters of each item of a structured field, by its name.
func items(lines []string) map[string]map[string]string {
	found := map[string]map[string]string{}
	for item := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		parts := strings.Split(item, ";")
		parameters := map[string]string{}
		for _, part := range parts[1:] {
			if name, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok {
				parameters[name] = value
			}
		}
		found[strings.TrimSpace(parts[0])] = parameters
	}
	return found
}

func fields(h http.Header, prefix string, now time.Time) Quota {
	limit, remaining, reset := h.Get(prefix+"Limit"), h.Get(prefix+"Remaining"), h.Get(prefix+"Reset")
	if limit == "" || remaining == "" || reset == "" {
		return Quota{}
	}
	first, _, _ := strings.Cut(limit, ",") // a policy may follow
	q := Quota{Limit: whole(first), Remaining: whole(remaining), Reset: seconds(reset)}
	const epoch = 1_000_000_000 // in seconds; a span would be decades
	switch at, _ := strconv.ParseFloat(strings.TrimSpace(reset), 64); {
	case at >= 1000*epoch:
		q.Reset = time.UnixMilli(int64(at)).Sub(now)
	case at >= epoch:
		q.Reset = time.Unix(int64(at), 0).Sub(now)
	}
	return q
}

// whole is a number of calls, -1 for what is none.
func whole(text string) int {
	if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil {
		return n
	}
	return -1
}

func seconds(text string) time.Duration {
	f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		return 0
	}
	return duration(f)
}
