package pipeline

import (
	"time"

	"octave-enrich/octave"
	"octave-enrich/reader"
)

// An Event is something that happened in a run: one of the types below. Progress,
// log, metrics and summary are observers of the same events.
type Event any

// RowDone is a row that was given to the sink, in input order.
type RowDone struct {
	Row    int    // 1-based
	Line   int    // of its file, 1-based; the row number in a workbook
	File   string // "" when there is one input alone
	Status string
	Err    error // why it is failed, invalid or excluded
	// Fresh says that a question of this row's own was put to the service, or
	// would have been; the others cost nothing.
	Fresh bool
	// Kept says that the row has an answer from before, where a newer one was, or
	// might have been, asked for.
	Kept bool
}

// Place names the row for people, as [reader.Contact.Place] does.
func (e RowDone) Place() string {
	return reader.Contact{Row: e.Row, Line: e.Line, Among: e.File != "", Source: e.File}.Place()
}

// QuestionDone is the end of a fresh question, before its row's turn has come.
type QuestionDone struct{ Err error }

// Remembered is a question that was answered from the journal, without a call.
type Remembered struct{}

// CallStarted is one attempt about to go on the wire.
type CallStarted struct {
	Retry bool // it repeats an earlier call of this run
}

// CallResumed is an answer that is polled for, of a call that an earlier run made. It
// ends with a CallDone.
type CallResumed struct{}

// CallDone is the end of an attempt.
type CallDone struct {
	Waiting bool // it has not ended: it is submitted, and left to a later run
	Latency time.Duration
	Usage   octave.Decimal // as reported, "" when the answer has none
	Err     *octave.Error
}

// OnTheWire is how many calls others make for this run right now. They are
// started, and done, when their end is known.
type OnTheWire struct{ Calls int }

// Slowed is what the service was found to take, or that it takes nothing for a
// while. Not every refusal is one.
type Slowed struct {
	Rate     float64       // calls per second; 0 when that is no bound
	InFlight int           // at the same time; 0 when that is no bound
	For      time.Duration // nobody starts a call for so long
}

// OutageBegan is a service that fails for everyone; calls wait.
type OutageBegan struct{ Err *octave.Error }

// OutageEnded is the first answer after it.
type OutageEnded struct{}

// An Observer is told of every event, from several goroutines at once. It must
// not block. A nil Observer hears nothing.
type Observer func(Event)

func (o Observer) notify(e Event) {
	if o != nil && e != nil {
		o(e)
	}
}

// Observers tells each of list, in order.
func Observers(list ...Observer) Observer {
	return func(e Event) {
		for _, o := range list {
			o.notify(e)
		}
	}
}
