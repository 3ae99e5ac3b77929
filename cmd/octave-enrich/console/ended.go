package console

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/pipeline"
	"octave-enrich/writer"
)

// TellOutput says what was written, which rows are not in it and why, and what
// the sender has to know before it takes the file.
func TellOutput(w *Console, output writer.Output) {
	if output.Path != "-" {
		fmt.Fprintf(w, "wrote %s (%s)\n", output.Path, words.Count(output.Rows, "row"))
	}
	if output.Cut > 0 {
		fmt.Fprintf(w, "%s longer than a workbook holds, 32,767 characters, cut with a note: whole in the checkpoint, and in an export to .csv\n", words.Count(output.Cut, "cell"))
	}
	if held := output.Held; held != nil && held.Rows > 0 {
		fmt.Fprintf(w, "held back %s in %s\n", words.Count(held.Rows, "row"), held.Path)
		for _, why := range slices.Sorted(maps.Keys(held.Reasons)) {
			fmt.Fprintf(w, "  %d %s\n", held.Reasons[why], why)
		}
	}
	if output.LeftOut > 0 {
		fmt.Fprintf(w, "left out %s: an earlier file for %s held them\n", words.Count(output.LeftOut, "row"), output.Sender)
	}
	if output.Shortened > 0 {
		fmt.Fprintf(w, "cut %s to %s; --emails N chooses another number\n", words.Count(output.Shortened, "longer sequence"), words.Count(output.Emails, "message"))
	}
	for _, note := range output.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	if output.Rows == 0 || len(output.Next) == 0 {
		return
	}
	fmt.Fprintf(w, "next, in %s:\n", output.Sender)
	if output.Define != "" {
		fmt.Fprintf(w, "  first %s\n", output.Define)
	}
	for i, line := range output.Next {
		fmt.Fprintf(w, "  %d. %s\n", i+1, line)
	}
}

// LogOutput says the same to a collector of logs.
func LogOutput(log *zap.Logger, output writer.Output) {
	log.Info("output", zap.String("file", output.Path), zap.Int("rows", output.Rows), zap.Bool("held", false), zap.Int("left_out", output.LeftOut))
	if held := output.Held; held != nil {
		log.Info("output", zap.String("file", held.Path), zap.Int("rows", held.Rows), zap.Bool("held", true))
	}
}

// An End is how a run ended.
type End struct {
	Run     string
	Summary pipeline.Summary
	Took    time.Duration
	// Left are the credits when it began; "" when the service did not say.
	Left string
}

// LogEnd is the last word of a run that is done to a collector of logs.
func LogEnd(log *zap.Logger, e End, exitCode int) {
	s := e.Summary
	log.Info("run ended", zap.String("run", e.Run), zap.Int("exit_code", exitCode), zap.Float64("seconds", e.Took.Round(time.Millisecond).Seconds()),
		zap.Int("rows", s.Rows.Total()), zap.Int("ok", s.Rows.OK), zap.Int("new", s.New), zap.Int("not_found", s.Rows.NotFound),
		zap.Int("failed", s.Rows.Failed), zap.Int("invalid", s.Rows.Invalid), zap.Int("excluded", s.Rows.Excluded),
		zap.Int("not_attempted", s.Rows.NotAttempted), zap.Int("kept", s.Kept.Rows), zap.Int("calls", s.Calls.Started), zap.Int("refused", s.Calls.Refused),
		zap.Int("known", s.Calls.Remembered), zap.Int("possibly_billed", s.Calls.PossiblyBilled), zap.Int("resumed", s.Calls.Resumed), zap.Int("waiting", s.Calls.Waiting), number("usage", s.Usage))
}

// TellEnd is the same to a person: what is new and what it cost, then the list.
func TellEnd(w io.Writer, e End) {
	s, r := e.Summary, e.Summary.Rows
	fmt.Fprintf(w, "%s, %s as reported by the service", words.Count(s.New, "new sequence"), words.Credits(s.Usage.String()))
	if left, err := pipeline.ParseAmount(e.Left); err == nil {
		fmt.Fprintf(w, ", about %s left", words.Amount(left.Sub(s.Usage).String()))
	}
	fmt.Fprintf(w, ", in %v\n", words.Round(e.Took))
	fmt.Fprintf(w, "%s: %s ok", words.Count(r.Total(), "row"), words.Thousands(r.OK))
	for _, part := range slices.Concat(words.Some(r.NotFound, "not found"), words.Some(r.Failed, "failed"),
		words.Some(r.Invalid, "invalid"), words.Some(r.Excluded, "excluded"), words.Some(r.NotAttempted, "not attempted")) {
		fmt.Fprint(w, ", "+part)
	}
	fmt.Fprintln(w)
	if s.Kept.Rows > 0 {
		fmt.Fprintf(w, "%s kept an answer from before (%d asked again in vain, %d not asked again)\n", words.Count(s.Kept.Rows, "row"), s.Kept.Failed, s.Kept.NotAttempted)
	}
	fmt.Fprintf(w, "%s (%d refused, %d failed), %s answered before", words.Count(s.Calls.Started, "call"), s.Calls.Refused, s.Calls.Failed,
		words.Thousands(s.Calls.Remembered))
	if n := s.Calls.Resumed; n > 0 {
		fmt.Fprintf(w, "; %d submitted before were polled for", n)
	}
	if n := s.Calls.Waiting; n > 0 {
		fmt.Fprintf(w, "; %d submitted and waiting, the next run polls for them", n)
	}
	if n := s.Calls.PossiblyBilled; n > 0 {
		fmt.Fprintf(w, "; %d without an answer may have been billed", n)
	}
	fmt.Fprintln(w)
}

// number is an amount as a field that a program can add up.
func number(name string, a pipeline.Amount) zap.Field { return zap.Reflect(name, a) }
