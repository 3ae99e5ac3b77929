package fleet

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"octave-enrich/checkpoint"
	"octave-enrich/octave"
	"octave-enrich/pipeline"
)

func args(t *testing.T, change func(*job)) *job {
	t.Helper()
	req := octave.Request{Email: "ada@example.com", FirstName: "A\x00\xffda", RuntimeContext: map[string]string{"all": "x"}, CustomContext: &octave.CustomContext{Playbook: &octave.Ref{OID: "p"}}}
	j := job{Key: pipeline.NewQuestion(req, 0).Key, Run: "r", Request: req.Canonical()}
	if change != nil {
		change(&j)
	}
	return &j
}

func TestJobsComeBackAsTheQuestionsTheyWere(t *testing.T) {
	text, err := json.Marshal(args(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	var j job
	if err := json.Unmarshal(text, &j); err != nil {
		t.Fatal(err)
	}
	q, err := j.question()
	if err != nil {
		t.Fatal(err)
	}
	request := q.Request
	if request.FirstName != "A\x00\ufffdda" || request.RequestID != j.Key.String() || request.CustomContext.Playbook.OID != "p" {
		t.Errorf("%+v", request)
	}
	if strings.Contains(string(text), `\u0000`) || strings.Contains(string(text), "ada@") {
		t.Errorf("the database would refuse, or people read: %s", text)
	}
}

// A worker must not ask what it does not understand: a field that it drops would be
// another question, paid for and of no use.
func TestJobsOfOtherVersionsAreRefused(t *testing.T) {
	for name, j := range map[string]*job{
		"an unknown field": args(t, func(j *job) {
			j.Request = []byte(`{"email":"ada@example.com","tone":"warm"}`)
			sum := sha256.Sum256(j.Request)
			j.Key = checkpoint.Key(sum[:len(j.Key)])
		}),
		"another question": args(t, func(j *job) { j.Request = []byte(`{"email":"eve@example.com"}`) }),
		"no request":       args(t, func(j *job) { j.Request = nil }),
	} {
		if _, err := j.question(); err == nil {
			t.Errorf("%s: understood", name)
		}
	}
}

func TestAccountsAreFingerprints(t *testing.T) {
	if a, b := Account("s", "k"), Account("s", "l"); a == b || strings.Contains(a, "k") && len(a) != 16 {
		t.Errorf("fingerprints %s and %s", a, b)
	}
}
