package lists

import (
	"fmt"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/pipeline"
)

// Sampled is what of the list --sample asks, nil for all of it. A sample goes on
// where it was begun: as long as list, settings and number are the same, it is the
// one of the last run. One that was taken while changed contacts kept their answers is
// not that of a run which asks them again: it would hold more of them than N.
func Sampled(o *options.Options, list *List, journal *checkpoint.Journal, selection pipeline.Selection, changed string) (*pipeline.Sample, error) {
	if o.Budget.Sample == 0 {
		return nil, nil
	}
	if journal != nil {
		last, _ := pipeline.LastRun(journal.RunRecords())
		same := last.Input.SHA256 == list.Input.Profile().SHA256 && last.Settings.Fingerprint() == list.Settings.Fingerprint() &&
			(last.Changed != options.ChangedKeep || changed == options.ChangedKeep)
		if last.Sample != nil && last.Sample.N == o.Budget.Sample && same {
			return last.Sample, nil
		}
	}
	sample, err := pipeline.NewSample(list.Input.Contacts(), selection, o.Budget.Sample)
	if err != nil {
		return nil, exit.InputError(err)
	}
	return sample, nil
}

// TellSample says that a sample which is asked again has been answered.
func TellSample(o *options.Options, plan pipeline.Plan) string {
	if o.Budget.Sample == 0 || plan.ToAsk > 0 || plan.BeyondLimit == 0 {
		return ""
	}
	return fmt.Sprintf("the sample of %d is answered; take --sample out to ask the others, or take another number for a new one", o.Budget.Sample)
}
