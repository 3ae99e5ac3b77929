package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// ok is the kind of a call without a fault, for scripts.
const ok = "ok"

// refusals are the faults that answer at once, before any work, and bill
// nothing: a status and a body.
var refusals = map[string]refusal{
	"400":         {status: 400, text: "Invalid request"},
	"401":         {status: 401, text: "Invalid API key"},
	"402":         {status: 402, text: "Insufficient credits"},
	"403":         {status: 403, text: "This API key has no access to this agent"},
	"403-credits": {status: 403, text: "You have run out of credits"},
	"404":         {status: 404, text: "Agent not found"},
	"408":         {status: 408, text: "Request Timeout"},
	"422":         {status: 422, text: "The contact cannot be processed"},
	"425":         {status: 425, text: "Too Early"},
	"429":         {status: 429, text: "Too many requests"},
	"429-after":   {status: 429, text: "Too many requests", after: "1"},
	"429-credits": {status: 429, text: "Monthly credit quota exceeded"},
	"429-date":    {status: 429, text: "Too many requests", after: "date"},
	"500":         {status: 500, text: "Internal server error"},
	"502-html":    {status: 502, page: "502 Bad Gateway"},
	"503":         {status: 503, text: "Service Unavailable"},
	"503-after":   {status: 503, text: "Service Unavailable", after: "1"},
	"504":         {status: 504},
	"504-html":    {status: 504, page: "504 Gateway Time-out"},
	"redirect":    {status: 307, text: "Temporary Redirect"},
}

// breakages are the faults of the way back, or of the answer itself.
var breakages = []string{
	"badtypes",     // an answer with wrong JSON types around sound messages (billed)
	"cut",          // the connection ends in the middle of the answer (billed)
	"cut-json",     // a body that is whole for HTTP, but ends in the middle (billed)
	"empty",        // 200 without a body (billed)
	"failed",       // asynchronous work that ends without an answer
	"forgotten",    // asynchronous work whose id nobody knows afterwards (billed)
	"hang",         // no answer ever, and no work done
	"hang-after",   // no answer ever, after the work was done (billed)
	"huge",         // an answer of over 16 MiB (billed)
	"nomessages",   // found, but the list of messages is empty (billed)
	"notext",       // a message without any text (billed)
	"notfound",     // the person could not be found
	"notjson",      // 200 with a page of HTML (billed)
	"nullable",     // everything that may be null or absent is (billed)
	"reset-after",  // the connection is reset after the work was done (billed)
	"reset-before", // the connection is reset before any work
	"slow",         // the work takes ten times as long (billed)
	"trickle",      // the answer comes in small pieces (billed)
	"twice",        // asynchronous work is begun twice, as by a proxy that repeats a request (billed twice)
	"unordered",    // asynchronous work whose states come out of order (billed)
}

// billed marks a kind that is a status which a gateway gives after it had passed
// the request on: the work is done and billed, and its answer lost.
const billed = "-billed"

// gateways are the statuses of that kind.
var gateways = []int{408, 499, 500, 502, 504, 520, 521, 522, 523, 524}

// gateway is what a kind such as "504-billed" answers.
func gateway(kind string) (f refusal, ok bool) {
	text, ok := strings.CutSuffix(kind, billed)
	status, err := strconv.Atoi(text)
	if !ok || err != nil || !slices.Contains(gateways, status) {
		return f, false
	}
	return refusal{status: status, page: strings.TrimSpace(text + " " + http.StatusText(status))}, true
}

type refusal struct {
	status int
	text   string // message of a JSON body
	page   string // title of an HTML page instead
	after  string // Retry-After, as in Config
}

// Kinds lists the faults, sorted: statuses such as "429-after", and breakages
// such as "reset-after", the connection reset after the work was done and
// billed.
func Kinds() []string {
	kinds := slices.AppendSeq(slices.Clone(breakages), maps.Keys(refusals))
	for _, status := range gateways {
		kinds = append(kinds, strconv.Itoa(status)+billed)
	}
	slices.Sort(kinds)
	return kinds
}

// ParseFaults reads shares of calls such as "503=0.05,reset-after=2%" for
// Config.Faults.
func ParseFaults(text string) (map[string]float64, error) {
	faults := map[string]float64{}
	for _, part := range list(text) {
		kind, amount, given := strings.Cut(part, "=")
		kind = strings.TrimSpace(kind)
		if !given {
			return nil, fmt.Errorf("%q is not KIND=SHARE, such as 503=0.05", part)
		}
		if _, twice := faults[kind]; twice {
			return nil, fmt.Errorf("fault %s is given twice", kind)
		}
		share, err := parseShare(strings.TrimSpace(amount))
		if err != nil {
			return nil, fmt.Errorf("fault %s: %w", kind, err)
		}
		faults[kind] = share
	}
	if err := checkFaults(faults); err != nil {
		return nil, err
	}
	return faults, nil
}

// ParseScript reads the kinds of the first calls, such as "ok,503*3,hang", for
// Config.Script.
func ParseScript(text string) ([]string, error) {
	const longest = 1_000_000
	var script []string
	for _, part := range list(text) {
		kind, times, given := strings.Cut(part, "*")
		n := 1
		if given {
			var err error
			if n, err = strconv.Atoi(times); err != nil || n < 1 || n > longest {
				return nil, fmt.Errorf("%q: not a number of calls: %q", part, times)
			}
		}
		if err := checkKind(kind); err != nil {
			return nil, err
		}
		script = append(script, slices.Repeat([]string{kind}, n)...)
	}
	return script, nil
}

func list(text string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func parseShare(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || !isShare(share) {
		return 0, fmt.Errorf("%q is not a share of calls between 0 and 1", s)
	}
	return share, nil
}

func isShare(f float64) bool { return f >= 0 && f <= 1 }

func checkKind(kind string) error {
	_, isRefusal := refusals[kind]
	_, isGateway := gateway(kind)
	if kind == ok || isRefusal || isGateway || slices.Contains(breakages, kind) {
		return nil
	}
	return fmt.Errorf("unknown fault %q (one of %s)", kind, strings.Join(Kinds(), ", "))
}

func checkFaults(faults map[string]float64) error {
	var sum float64
	for _, kind := range slices.Sorted(maps.Keys(faults)) {
		if err := checkKind(kind); err != nil {
			return err
		}
		if !isShare(faults[kind]) {
			return fmt.Errorf("fault %s: %v is not between 0 and 1", kind, faults[kind])
		}
		sum += faults[kind]
	}
	if sum > 1+1e-9 {
		return fmt.Errorf("the shares of faults add up to %.4g, more than every call", sum)
	}
	return nil
}

// share is a kind of fault and the upper end of its part of [0,1).
type share struct {
	kind string
	upto float64
}

func shares(faults map[string]float64) []share {
	var all []share
	var sum float64
	for _, kind := range slices.Sorted(maps.Keys(faults)) {
		sum += faults[kind]
		all = append(all, share{kind, sum})
	}
	return all
}

// kind decides the fault of a call: by the script while it lasts, then by the
// shares, as a pure function of seed, question and how often it was asked.
func (s *Server) kind(q [16]byte, t turn) string {
	if t.call < len(s.cfg.Script) {
		return s.cfg.Script[t.call]
	}
	return drawn(s.faults, s.cfg.Seed, q, t.ask)
}

// drawn is the kind whose share a question hits the n-th time.
func drawn(shares []share, seed uint64, q [16]byte, n int) string {
	u := unit(mix(seed, q, uint64(n)))
	for _, share := range shares {
		if u < share.upto {
			return share.kind
		}
	}
	return ok
}
