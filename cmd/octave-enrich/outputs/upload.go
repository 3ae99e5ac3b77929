package outputs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/lists"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/writer"
)

// An Upload is what plan says of the file for a sender, an export of the answers
// that there are, and what a summary says of it once it is written.
type Upload struct {
	Preset   string         `json:"preset"`
	Rows     int            `json:"rows"`     // that the sender gets
	Messages int            `json:"messages"` // of each
	Cut      int            `json:"cut"`      // longer sequences, cut to them
	Replies  int            `json:"replies"`  // messages after the second that got the subject of a reply
	Held     map[string]int `json:"held"`     // rows held back, by reason
	LeftOut  int            `json:"left_out"` // rows of people in an earlier file of the preset, with --new
	// Unanswered rows are held back until they are asked.
	Unanswered int      `json:"unanswered"`
	Define     string   `json:"define,omitempty"` // what to create in the sender before the import
	Notes      []string `json:"notes"`
	Next       []string `json:"next"` // what to do with the file there, line by line

	Unused string `json:"-"` // of a plan: decisions of a review that the file does not follow
}

// UploadOf describes a finished file; nil when it is no sender's.
func UploadOf(preset string, out writer.Output) *Upload {
	if out.Sender == "" {
		return nil
	}
	u := &Upload{Preset: preset, Rows: out.Rows, Messages: out.Emails, Cut: out.Shortened, Replies: out.Replies, LeftOut: out.LeftOut, Held: map[string]int{},
		Define: out.Define, Notes: append([]string{}, out.Notes...), Next: append([]string{}, out.Next...)}
	maps.Copy(u.Held, out.Held.Reasons)
	u.Unanswered = u.Held[writer.StatusNotAttempted]
	delete(u.Held, writer.StatusNotAttempted)
	return u
}

// Rehearse makes the export of a sender's file without the file, as export would:
// with the settings of the last run, unless some are given.
func Rehearse(o *options.Options, list *lists.List, journal *checkpoint.Journal, at options.Places, stdout io.Writer) (*Upload, error) {
	if !o.Output.ForSender() || journal == nil {
		return nil, nil
	}
	export := *o
	export.NeverCalls = true
	if last, ok := pipeline.LastRun(journal.RunRecords()); ok {
		export.Take(last)
	}
	export.List.TakeExclude(pipeline.LastExclude(journal.RunRecords()))
	exported, err := list.Again(&export)
	if err != nil {
		return nil, err
	}
	if exported != nil {
		defer exported.Input.Close()
		o, list = &export, exported
	}
	return rehearse(o, list, journal, at, stdout)
}

// TellLeftOut says how many rows an earlier file of the preset keeps out of the one that
// a run is about to write, "" for none.
func TellLeftOut(o *options.Options, list *lists.List, journal *checkpoint.Journal, at options.Places, stdout io.Writer) (string, error) {
	own := *list // which finds out for itself who stands in several rows
	upload, err := rehearse(o, &own, journal, at, stdout)
	if err != nil {
		return "", err
	}
	return upload.tellLeftOut(), nil
}

// rehearse makes the file from the answers that there are.
func rehearse(o *options.Options, list *lists.List, journal *checkpoint.Journal, at options.Places, stdout io.Writer) (*Upload, error) {
	opt, err := o.WriterOptions(stdout, list.Input.Columns(), "")
	if err != nil {
		return nil, err
	}
	leaveOut(o, &opt, list, journal, at.Output)
	file, err := writer.Rehearse(cmp.Or(at.Output, "upload.csv"), opt)
	if err != nil {
		return nil, createError(err)
	}
	defer file.Abort() //nolint:errcheck // a nameless file
	memory, err := Memory(o, list, journal, at.Checkpoint)
	if err != nil {
		return nil, err
	}
	if err := Replay(context.Background(), list, memory, file, nil); err != nil {
		return nil, exit.InputError(err)
	}
	out, err := file.Finish()
	if err != nil {
		return nil, createError(err)
	}
	upload := UploadOf(o.Output.Preset, out)
	if upload.Unused = Unused(list, memory, at.Checkpoint); upload.Unused != "" {
		upload.Notes = append(upload.Notes, upload.Unused)
	}
	return upload, nil
}

// Replay is the ordinary run with an agent that never calls.
func Replay(ctx context.Context, list *lists.List, memory *pipeline.Memory, sink writer.Sink, observer pipeline.Observer) error {
	brake := pipeline.NewBrake(ctx)
	brake.Pull(pipeline.ErrStopped) // before the first question
	cfg := pipeline.Config{Selection: list.Selection(memory),
		Brake: brake, Workers: 8} // who read answers back
	return pipeline.Run(ctx, cfg, list.Input.Contacts(), pipeline.Memo(pipeline.AskNobody, memory, nil), sink, observer)
}

// tellLeftOut says how many rows an earlier file of the preset keeps out of this one, ""
// for none.
func (u *Upload) tellLeftOut() string {
	if u.LeftOut == 0 {
		return ""
	}
	return fmt.Sprintf("%d left out: an earlier file held them", u.LeftOut)
}

// Print says it to people; nil is no file.
func (u *Upload) Print(w io.Writer) {
	if u == nil {
		return
	}
	fmt.Fprintf(w, "for %s: %s of %s", u.Preset, words.Count(u.Rows, "row"), words.Count(u.Messages, "message"))
	if u.Cut > 0 {
		fmt.Fprintf(w, ", %d of them cut", u.Cut)
	}
	if u.Unanswered > 0 {
		fmt.Fprintf(w, "; %d not answered yet", u.Unanswered)
	}
	fmt.Fprintf(w, "\n")
	if note := u.tellLeftOut(); note != "" {
		fmt.Fprintf(w, "  %s\n", note)
	}
	for _, why := range slices.Sorted(maps.Keys(u.Held)) {
		fmt.Fprintf(w, "  %d held back: %s\n", u.Held[why], why)
	}
	if u.Unused != "" {
		fmt.Fprintf(w, "  %s\n", u.Unused)
	}
}
