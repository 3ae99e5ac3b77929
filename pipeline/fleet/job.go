package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// A job is a question as it lies in the queue of its run. Request is its canonical
// JSON: River keeps arguments as jsonb, which refuses some texts and spells
// others anew, so that JSON puts it there as base64.
type job struct {
	Run string         `json:"run" river:"unique"`
	Key checkpoint.Key `json:"key" river:"unique"`
	// Incarnation is of the database for which its run has asked it: in a backup that
	// was put back, questions lie in the queue that were answered since.
	Incarnation string `json:"incarnation" river:"unique"`
	Request     []byte `json:"request"`
	// Retries and FailAmbiguous are the policy of the run.
	Retries       int  `json:"retries"`
	FailAmbiguous bool `json:"fail_ambiguous,omitempty"`
	// Budgeted says that the run has a budget of calls or of usage.
	Budgeted bool `json:"budgeted,omitempty"`
	// Since is the last call that does not settle the question should it have failed.
	Since int64 `json:"since"`
	// Fresh is how old an answer may be; zero for any age.
	Fresh time.Time `json:"fresh,omitzero"`
	// Callback is where the service posts the answer of a question that is submitted;
	// empty for a call that waits for its answer.
	Callback string        `json:"callback,omitempty"`
	Poll     time.Duration `json:"poll,omitempty"` // how often
	Row      int           `json:"row,omitempty"`  // of the list, that asks
	// Submission is what an earlier run of the checkpoint submitted, and has no answer to.
	Submission *pipeline.Submission `json:"submission,omitempty"`
}

// Kind implements River's JobArgs. A job of another format is another kind: a
// host leaves kinds alone that it does not know.
func (job) Kind() string { return "octave_question_3" }

// KindAliases implements River's JobArgsWithKindAliases: a run of format 4 put
// these there.
func (job) KindAliases() []string { return []string{"octave_question_2"} }

// kinds are all that hold a question.
func kinds() []string { return append(job{}.KindAliases(), job{}.Kind(), poll{}.Kind()) }

// InsertOpts implements River's JobArgsWithInsertOpts: a question is in the
// queue of a run once. One that was completed or cancelled may be put there again.
func (job) InsertOpts() river.InsertOpts {
	return river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished()}}
}

// unfinished are the states of a job that is still to be worked.
func unfinished() []rivertype.JobState {
	return append(waitingStates(), rivertype.JobStateRunning)
}

// waitingStates are those of a job that is in nobody's hands.
func waitingStates() []rivertype.JobState {
	return []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateScheduled}
}

// question is what the job asks. An error means that another version put it there:
// whoever understands it must ask.
func (j *job) question() (*pipeline.Question, error) {
	q, err := pipeline.ParseQuestion(j.Request)
	if err != nil {
		return nil, err
	}
	if q.Key != j.Key {
		return nil, fmt.Errorf("question %v is not the one that it is called", j.Key)
	}
	return q, nil
}

// runQueue is what River calls the queue of a run.
func runQueue(run string) string { return "run-" + run }

// Account is the fingerprint of a key: what stands for it in the database, which
// never sees the key itself.
func Account(service string, key octave.Secret) string {
	sum := sha256.Sum256([]byte("octave-enrich fleet account\x00" + service + "\x00" + string(key)))
	return hex.EncodeToString(sum[:8])
}
