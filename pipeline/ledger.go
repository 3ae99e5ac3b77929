package pipeline

import (
	"cmp"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
)

// A Ledger adds up what a checkpoint says was asked, answered and billed. The
// zero value is empty.
type Ledger struct {
	Attempts AttemptCount
	Usage    Amount // of all answers, as reported
	Largest  Amount // of one answer
	// LatencyMS is the time that all answers took, in milliseconds.
	LatencyMS int64
	// TakenOver counts answers that were paid for in another checkpoint.
	TakenOver int

	waiting map[checkpoint.Key]struct{}       // submitted, without an end
	unnamed map[checkpoint.Key]LostSubmission // submitted, perhaps: no id came so far
	lost    []LostSubmission
	// doubt are questions without an answer that may be billed: true when a call has
	// ended so, false when the one that is open is all there is.
	doubt map[checkpoint.Key]bool

	keys   map[checkpoint.Key]outcome
	seen   map[uint64]struct{} // hashes of records
	seed   maphash.Seed
	billed int // attempts without an answer that may have been billed
}

type recordID struct {
	kind string
	key  checkpoint.Key
	at   int64  // in milliseconds
	body string // of a record about no question
}

// A LostSubmission was sent, and its id never came: the work may have been done, and
// billed, and nobody can poll for it.
type LostSubmission struct {
	Key checkpoint.Key `json:"key"`
	Row int            `json:"row,omitempty"` // of the input of its run, 1-based
	At  time.Time      `json:"at"`
}

// AttemptCount counts calls by how they ended. Asked is the sum of the others, of
// those that are submitted and waiting, and of those cut off by the end of a process.
type AttemptCount struct {
	Asked    int `json:"asked"`
	Answered int `json:"answered"`
	Refused  int `json:"refused"` // 425, 429, 503
	Failed   int `json:"failed"`
}

// QuestionCount counts questions by what is known of them now.
type QuestionCount struct {
	Answered int `json:"answered"`
	NotFound int `json:"not_found"`
	Failed   int `json:"failed"`
	Open     int `json:"open"` // asked without an answer
	// Submitted are those that the service works on: their answers are polled for.
	Submitted int `json:"submitted"`
}

type outcome byte

const (
	open outcome = iota + 1
	failed
	notFound
	answered
)

// Add takes the next record of the journal, and reports whether it counts:
// checkpoints that were joined may hold the same one twice.
func (l *Ledger) Add(rec checkpoint.Record) bool {
	if l.keys == nil {
		l.keys, l.seen, l.seed = map[checkpoint.Key]outcome{}, map[uint64]struct{}{}, maphash.MakeSeed()
		l.waiting, l.unnamed = map[checkpoint.Key]struct{}{}, map[checkpoint.Key]LostSubmission{}
		l.doubt = map[checkpoint.Key]bool{}
	}
	id := recordID{kind: rec.Type, key: rec.Key, at: rec.At.UnixMilli()}
	if rec.Key == (checkpoint.Key{}) {
		id.body = string(rec.Body)
	}
	sum := maphash.Comparable(l.seed, id)
	if _, again := l.seen[sum]; again {
		return false
	}
	l.seen[sum] = struct{}{}
	switch rec.Type {
	case checkpoint.Asked:
		l.Attempts.Asked++
		l.settle(rec.Key, open)
		_, before := l.doubt[rec.Key] // that call was cut off, or is in doubt itself
		l.doubt[rec.Key] = before
		l.sent(rec)
	case checkpoint.Submitted:
		l.waiting[rec.Key] = struct{}{}
		delete(l.unnamed, rec.Key)
	case checkpoint.Missed:
		l.missed(rec)
	case checkpoint.Failed:
		l.settle(rec.Key, failed)
	case checkpoint.Answered:
		l.answered(rec)
	}
	return true
}

// settle lets an answer replace anything, as it is the row's from then on, and never
// less knowledge replace more.
func (l *Ledger) settle(key checkpoint.Key, to outcome) {
	if to >= notFound || to > l.keys[key] {
		l.keys[key] = to
	}
}

// sent takes a submission down whose id is not known yet.
func (l *Ledger) sent(rec checkpoint.Record) {
	l.lose(rec.Key) // the one before was cut off
	if body, ok := bodyOf[askedBody](rec, checkpoint.Asked); ok && body.Async {
		l.unnamed[rec.Key] = LostSubmission{Key: rec.Key, Row: body.Row, At: rec.At}
	}
}

// lose is the end of a submission whose id did not come.
func (l *Ledger) lose(key checkpoint.Key) {
	if lost, was := l.unnamed[key]; was {
		l.lost = append(l.lost, lost)
		delete(l.unnamed, key)
	}
}

// Lost are the submissions whose ids never came, the oldest first.
func (l *Ledger) Lost() []LostSubmission {
	all := slices.AppendSeq(slices.Clone(l.lost), maps.Values(l.unnamed))
	slices.SortFunc(all, func(a, b LostSubmission) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Row, b.Row), slices.Compare(a.Key[:], b.Key[:]))
	})
	return all
}

func (l *Ledger) missed(rec checkpoint.Record) {
	body, _ := ReadFailure(rec)
	delete(l.waiting, rec.Key)
	if body.Billed {
		l.lose(rec.Key)
	}
	delete(l.unnamed, rec.Key)
	if body.Cause == octave.CauseRateLimited.String() {
		l.Attempts.Refused++
	} else {
		l.Attempts.Failed++
	}
	if body.Billed {
		l.billed++
		l.doubt[rec.Key] = true
	} else if !l.doubt[rec.Key] {
		delete(l.doubt, rec.Key)
	}
}

func (l *Ledger) answered(rec checkpoint.Record) {
	facts := ReadFacts(rec)
	delete(l.waiting, rec.Key)
	delete(l.doubt, rec.Key)
	l.Largest = l.Largest.Max(Amount{}.Plus(facts.Usage))
	if facts.From == "" {
		l.Attempts.Answered++
		l.Usage = l.Usage.Plus(facts.Usage)
		l.LatencyMS += facts.LatencyMS
	} else {
		l.TakenOver++ // paid for in another checkpoint
	}
	if facts.Answer.Found {
		l.settle(rec.Key, answered)
	} else {
		l.settle(rec.Key, notFound)
	}
}

// Questions counts the questions seen so far.
func (l *Ledger) Questions() (n QuestionCount) {
	for key, o := range l.keys {
		if _, waiting := l.waiting[key]; waiting && o < notFound {
			n.Submitted++
			continue
		}
		switch o {
		case open:
			n.Open++
		case failed:
			n.Failed++
		case notFound:
			n.NotFound++
		case answered:
			n.Answered++
		}
	}
	return n
}

// InDoubt counts the questions without an answer that may be billed, so that asking
// again may be billed twice: their calls were cut off, or ended ambiguously. Those that
// failed are among them, unless they are left alone.
func (l *Ledger) InDoubt(leftAlone bool) (n int) {
	for key := range l.doubt {
		_, waiting := l.waiting[key]
		if !waiting && (!leftAlone || l.keys[key] != failed) {
			n++
		}
	}
	return n
}

// PerAnswer is what an answer cost on average, as reported; false while there is none.
func (l *Ledger) PerAnswer() (each Amount, known bool) {
	return l.Usage.Div(l.Attempts.Answered), l.Attempts.Answered > 0
}

// PossiblyBilled is an upper bound of the calls that were billed without an
// answer to show for it: those that ended ambiguously, and those that were cut
// off because the process ended.
func (l *Ledger) PossiblyBilled() int {
	cutOff := l.Attempts.Asked - l.Attempts.Answered - l.Attempts.Refused - l.Attempts.Failed
	return l.billed + max(cutOff-len(l.waiting), 0)
}
