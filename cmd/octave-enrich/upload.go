package main

// What the file for a sender would hold, before anybody writes it.

import (
	"context"
	"maps"
	"slices"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
	"octave-enrich/writer"
)

// An Upload is what plan says of the file for a sender: an export of the answers
// that there are.
type Upload struct {
	Preset   string         `json:"preset"`
	Rows     int            `json:"rows"`     // that the sender would get
	Messages int            `json:"messages"` // of each
	Cut      int            `json:"cut"`      // longer sequences, cut to them
	Held     map[string]int `json:"held"`     // rows held back, by reason
	// Unanswered rows are held back until they are asked.
	Unanswered int `json:"unanswered"`
}

// rehearse makes the export of a sender's file without the file. Its error for a
// preset that there is not comes without a checkpoint, too.
func (a *app) rehearse(o *options, list *list, journal *checkpoint.Journal, emailsGiven bool) (*Upload, error) {
	if !o.forSender() {
		return nil, nil
	}
	opt, err := o.writerOptions(a, list.input.Columns(), emailsGiven, "")
	if err != nil {
		return nil, err
	}
	file, err := writer.Rehearse(opt)
	if err != nil {
		return nil, createError(err)
	}
	defer file.Abort() //nolint:errcheck // a nameless file
	if journal == nil {
		return nil, nil
	}
	memory := &pipeline.Memory{Journal: journal, MaxAge: time.Duration(o.maxAge), KeepFailures: true, ExcludeFailures: list.skip[skipFailed]}
	if err := replayInto(context.Background(), list, memory, file, nil); err != nil {
		return nil, inputError(err)
	}
	out, err := file.Finish()
	if err != nil {
		return nil, createError(err)
	}
	u := &Upload{Preset: o.preset, Rows: out.Rows, Messages: out.Emails, Cut: out.Shortened, Held: out.Held.Reasons}
	u.Unanswered = u.Held[writer.StatusNotAttempted]
	delete(u.Held, writer.StatusNotAttempted)
	return u, nil
}

// replayInto is the ordinary run with an agent that never calls.
func replayInto(ctx context.Context, list *list, memory *pipeline.Memory, sink writer.Sink, observer pipeline.Observer) error {
	never := func(context.Context, *pipeline.Question) (*octave.Answer, error) { return nil, pipeline.ErrStopped }
	brake := pipeline.NewBrake(ctx)
	brake.Pull(pipeline.ErrStopped) // before the first question
	cfg := pipeline.Config{Selection: pipeline.Selection{Ask: list.ask, Exclude: list.exclude, Memory: memory},
		Brake: brake, Workers: 8} // who read answers back
	return pipeline.Run(ctx, cfg, list.input.Contacts(), pipeline.Memo(never, memory, nil), sink, observer)
}

func (u *Upload) print(p *printer) {
	if u == nil {
		return
	}
	p.printf("for %s: %s of %s", u.Preset, words.Count(u.Rows, "row"), words.Count(u.Messages, "message"))
	if u.Cut > 0 {
		p.printf(", %d of them cut", u.Cut)
	}
	if u.Unanswered > 0 {
		p.printf("; %d not answered yet", u.Unanswered)
	}
	p.printf("\n")
	for _, why := range slices.Sorted(maps.Keys(u.Held)) {
		p.printf("  %d held back: %s\n", u.Held[why], why)
	}
}
