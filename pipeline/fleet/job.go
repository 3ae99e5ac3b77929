package fleet

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

// kind is what the engine calls our jobs.
const kind = "octave_sequence"

// A job is a question as it lies in the queue. Request is its canonical JSON: the
// engine keeps arguments as jsonb, which refuses some texts and spells others
// anew, so that JSON puts it there as base64.
type job struct {
	Format  int            `json:"format"`
	Key     checkpoint.Key `json:"key"`
	Run     string         `json:"run"`
	Request []byte         `json:"request"`
	// Retries and FailAmbiguous are the policy of the run.
	Retries       int  `json:"retries"`
	FailAmbiguous bool `json:"fail_ambiguous,omitempty"`
	// Since is from when on a failure settles it: the start of the run.
	Since time.Time `json:"since,omitzero"`
	// Fresh is how old an answer may be; zero for any age.
	Fresh time.Time `json:"fresh,omitzero"`
}

// Kind implements the engine's JobArgs.
func (job) Kind() string { return kind }

// parseJob reads the arguments of a job. An error means that another version put
// it there: whoever understands it must ask.
func parseJob(args []byte) (j job, q *pipeline.Question, err error) {
	if err := json.Unmarshal(args, &j); err != nil {
		return j, nil, err
	}
	if j.Format != Format {
		return j, nil, fmt.Errorf("a job of format %d; this version knows format %d", j.Format, Format)
	}
	if q, err = pipeline.ParseQuestion(j.Request); err != nil {
		return j, nil, err
	}
	if q.Key != j.Key {
		return j, nil, fmt.Errorf("question %v is not the one that it is called", j.Key)
	}
	return j, q, nil
}

// scoped names a question among those of all queues.
func scoped(queue int32, key checkpoint.Key) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(key)), uint32(queue)), key[:]...)
}

// unscoped is the question that scoped names.
func unscoped(name []byte) checkpoint.Key {
	if len(name) != 4+len(checkpoint.Key{}) {
		return checkpoint.Key{}
	}
	return checkpoint.Key(name[4:])
}

// riverQueue is what the engine calls a queue.
func riverQueue(id int32) string { return "octave" + strconv.Itoa(int(id)) }

// Account is the fingerprint of a key: what stands for it in the database, which
// never sees the key itself.
func Account(service string, key octave.Secret) string {
	sum := sha256.Sum256([]byte("octave-enrich fleet account\x00" + service + "\x00" + string(key)))
	return hex.EncodeToString(sum[:8])
}
