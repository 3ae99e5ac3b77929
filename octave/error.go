package octave

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fate is what a run does about an error.
type Fate int

// The fates.
const (
	Row   Fate = iota + 1 // this row failed; the others go on
	Again                 // the same call may work later
	All                   // no call can work until somebody acts: stop the run
	Stop                  // the caller's context ended
)

// String returns the fate in one word.
func (f Fate) String() string {
	return word(int(f), "row", "again", "all", "stop")
}

// Kind is the cause of an error, for exit codes and for counting.
type Kind int

// The kinds.
const (
	KindRequest     Kind = iota + 1 // the service finds this request wrong
	KindKey                         // the key was rejected
	KindCredits                     // out of credits
	KindRateLimited                 // refused before any work: too many calls (425, 429, 503)
	KindServer                      // the service, or a gateway before it, failed
	KindUnreachable                 // the request never reached the service
	KindAmbiguous                   // sent, but no answer came back whole
	KindUnusable                    // a whole answer that holds no sequence
	KindStopped                     // the caller gave up waiting
	KindForgotten                   // asynchronous work whose id the service does not know, see [Client.Poll]
)

// kinds are the kinds in words.
var kinds = [...]string{"request", "key", "credits", "rate limited", "server",
	"unreachable", "ambiguous", "unusable", "stopped", "forgotten"}

// String returns the kind in words, such as "rate limited".
func (k Kind) String() string { return word(int(k), kinds[:]...) }

// ParseKind reads what [Kind.String] wrote; 0 for a kind that there is not.
func ParseKind(s string) Kind { return Kind(slices.Index(kinds[:], s) + 1) }

func word(i int, words ...string) string {
	if i < 1 || i > len(words) {
		return "unknown"
	}
	return words[i-1]
}

// Error is a call that gave no usable answer. Its text is safe to show and to
// log: the key is masked, control characters are gone, and it is short.
type Error struct {
	Status  int // of HTTP; 0 when no answer came
	Fate    Fate
	Kind    Kind
	Message string // what the service said, or what went wrong; at most 300 characters

	// RetryAfter is how long the service asks to wait, 0 when it does not say
	// so in a way that can be understood. RetryAfterRaw is its own words. It
	// is not bounded: a caller must.
	RetryAfter    time.Duration
	RetryAfterRaw string
	Quota         Quota // of the same headers

	// MaybeBilled: the work may have been done, and billed, although nothing
	// usable came back. Asking again may be billed again.
	MaybeBilled bool

	// Trouble is set when waiting does not mend it.
	Trouble Trouble
	// Server is who answered, as it calls itself in Via or Server: a proxy, for
	// the most part. "" when it does not say.
	Server string

	Raw json.RawMessage // an answer that was paid for but is of no use
	Err error           // the cause below, if any
}

// Error returns the status, if there is one, and the message.
func (e *Error) Error() string {
	if e.Status == 0 || e.Status == http.StatusOK {
		return e.Message
	}
	status := strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)))
	if e.Message == "" || strings.EqualFold(e.Message, http.StatusText(e.Status)) || strings.EqualFold(e.Message, status) {
		return status // a service's page often says no more than this
	}
	return status + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// noAnswer: a success whose body is none. The work was probably done.
func noAnswer(why string) *Error {
	return &Error{Status: http.StatusOK, Fate: Again, Kind: KindAmbiguous,
		Message: clean("broken answer: " + why), MaybeBilled: true}
}

// unusable: a whole answer, paid for, that holds no sequence. Asking again
// would be billed again for, most likely, the same.
func unusable(raw json.RawMessage, why string) *Error {
	return &Error{Status: http.StatusOK, Fate: Row, Kind: KindUnusable,
		Message: clean(why), MaybeBilled: true, Raw: raw}
}

// judge gives an answer that is no success its fate and kind.
func judge(status int, message string) (Fate, Kind) {
	switch {
	case status == http.StatusPaymentRequired, outOfCredits(status, message):
		return All, KindCredits
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return All, KindKey
	case status == http.StatusTooManyRequests, status == http.StatusTooEarly, status == http.StatusServiceUnavailable:
		return Again, KindRateLimited
	case status == http.StatusProxyAuthRequired:
		return Again, KindUnreachable
	case status == http.StatusRequestTimeout, status == statusClientClosed, status >= 500:
		return Again, KindServer
	case status >= 400:
		return Row, KindRequest
	}
	// A redirect is not followed: the key and the contact are meant for this
	// host alone. Nothing reached an agent.
	return Again, KindUnreachable
}

// Statuses that net/http has no name for: nginx's for a client that left, and
// Cloudflare's for a service that it could not begin to talk to.
const (
	statusClientClosed     = 499
	statusNoTLSHandshake   = 525
	statusWrongCertificate = 526
	statusNoOrigin         = 530
)

// passedOn says whether a status means that the request was passed on, so that
// the agent may be at work, or done, and billed. What is not sure to be a
// refusal counts: a call too many is free, one too few is not.
func passedOn(status int) bool {
	switch status {
	case http.StatusRequestTimeout, statusClientClosed:
		return true
	case http.StatusServiceUnavailable, // a refusal
		http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusNetworkAuthenticationRequired,
		statusNoTLSHandshake, statusWrongCertificate, statusNoOrigin:
		return false
	}
	return status >= 500
}

// outOfCredits: how the service says so is unknown, so a refusal that speaks
// of credits or a quota is taken for it, unless it is a quota of speed.
func outOfCredits(status int, message string) bool {
	if status != http.StatusForbidden && status != http.StatusTooManyRequests {
		return false
	}
	message = strings.ToLower(message)
	if strings.Contains(message, "credit") {
		return true
	}
	return strings.Contains(message, "quota") &&
		!(status == http.StatusTooManyRequests && aboutSpeed(message))
}

func aboutSpeed(message string) bool {
	for _, s := range []string{"rate", "per second", "per minute", "/s", "/min", "too many requests"} {
		if strings.Contains(message, s) {
			return true
		}
	}
	return false
}
