package octave

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Action is what a run does about an error.
type Action int

// The actions.
const (
	Row   Action = iota + 1 // this row failed; the others go on
	Again                   // the same call may work later
	All                     // no call can work until somebody acts: stop the run
	Stop                    // the caller's context ended
)

// String returns the action in one word.
func (a Action) String() string {
	return word(int(a), "row", "again", "all", "stop")
}

// Cause is why a call gave no usable answer, for exit codes and for counting.
type Cause int

// The causes.
const (
	CauseRequest     Cause = iota + 1 // the service finds this request wrong
	CauseKey                          // the key was rejected
	CauseCredits                      // out of credits
	CauseRateLimited                  // refused before any work: too many calls (425, 429, 503)
	CauseServer                       // the service, or a gateway before it, failed
	CauseUnreachable                  // the request never reached the service
	CauseAmbiguous                    // sent, but no answer came back whole
	CauseUnusable                     // a whole answer that holds no sequence
	CauseStopped                      // the caller gave up waiting
	CauseForgotten                    // asynchronous work whose id the service does not know, see [Client.Poll]
)

// causes are the causes in words.
var causes = [...]string{"request", "key", "credits", "rate limited", "server",
	"unreachable", "ambiguous", "unusable", "stopped", "forgotten"}

// String returns the cause in words, such as "rate limited".
func (c Cause) String() string { return word(int(c), causes[:]...) }

// ParseCause reads what [Cause.String] wrote; 0 for a cause that there is not.
func ParseCause(s string) Cause { return Cause(slices.Index(causes[:], s) + 1) }

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
	Action  Action
	Cause   Cause
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
	// Foreign: the refusal is in other words than the service's, which are a JSON
	// object: a page of something between here and there.
	Foreign bool
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
	return &Error{Status: http.StatusOK, Action: Again, Cause: CauseAmbiguous,
		Message: clean("broken answer: " + why), MaybeBilled: true}
}

// unusable: a whole answer, paid for, that holds no sequence. Asking again
// would be billed again for, most likely, the same.
func unusable(raw json.RawMessage, why string) *Error {
	return &Error{Status: http.StatusOK, Action: Row, Cause: CauseUnusable,
		Message: clean(why), MaybeBilled: true, Raw: raw}
}

// judge gives an answer that is no success its action and cause.
func judge(status int, message string) (Action, Cause) {
	switch {
	case status == http.StatusPaymentRequired, outOfCredits(status, message):
		return All, CauseCredits
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return All, CauseKey
	case status == http.StatusTooManyRequests, status == http.StatusTooEarly, status == http.StatusServiceUnavailable:
		return Again, CauseRateLimited
	case status == http.StatusProxyAuthRequired:
		return Again, CauseUnreachable
	case status == http.StatusRequestTimeout, status == statusClientClosed, status >= 500:
		return Again, CauseServer
	case status >= 400:
		return Row, CauseRequest
	}
	// A redirect is not followed: the key and the contact are meant for this
	// host alone. Nothing reached an agent.
	return Again, CauseUnreachable
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
		!(status == http.StatusTooManyRequests && slices.ContainsFunc(
			[]string{"rate", "per second", "per minute", "/s", "/min", "too many requests"}, // it is about speed
			func(s string) bool { return strings.Contains(message, s) }))
}
