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

func args(t *testing.T, change func(*job)) []byte {
	t.Helper()
	req := octave.Request{Email: "ada@example.com", FirstName: "A\x00\xffda", RuntimeContext: map[string]string{"all": "x"}, CustomContext: &octave.CustomContext{Playbook: &octave.Ref{OID: "p"}}}
	j := job{Format: Format, Key: pipeline.NewQuestion(req, 0).Key, Run: "r", Request: req.Canonical()}
	if change != nil {
		change(&j)
	}
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestJobsComeBackAsTheQuestionsTheyWere(t *testing.T) {
	j, q, err := parseJob(args(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	request := q.Request
	if request.FirstName != "A\x00\ufffdda" || request.RequestID != j.Key.String() || request.CustomContext.Playbook.OID != "p" {
		t.Errorf("%+v", request)
	}
	if bad := args(t, nil); strings.Contains(string(bad), `\u0000`) || strings.Contains(string(bad), "ada@") {
		t.Errorf("the database would refuse, or people read: %s", bad)
	}
}

// A worker must not ask what it does not understand: a field that it drops would be
// another question, paid for and of no use.
func TestJobsOfOtherVersionsAreRefused(t *testing.T) {
	for name, text := range map[string][]byte{
		"a later format": args(t, func(j *job) { j.Format++ }),
		"an unknown field": args(t, func(j *job) {
			j.Request = []byte(`{"email":"ada@example.com","tone":"warm"}`)
			sum := sha256.Sum256(j.Request)
			j.Key = checkpoint.Key(sum[:len(j.Key)])
		}),
		"another question": args(t, func(j *job) { j.Request = []byte(`{"email":"eve@example.com"}`) }),
		"no request":       args(t, func(j *job) { j.Request = nil }),
		"no JSON":          []byte(`{`),
		"other args":       []byte(`{"email":"x"}`),
	} {
		if _, _, err := parseJob(text); err == nil {
			t.Errorf("%s: understood", name)
		}
	}
}

func TestKeysAreScoped(t *testing.T) {
	key := pipeline.NewQuestion(octave.Request{Email: "a"}, 0).Key
	if string(scoped(1, key)) == string(scoped(2, key)) {
		t.Error("two queues share a question")
	}
	if unscoped(scoped(77, key)) != key {
		t.Error("a key is lost in its queue")
	}
	if a, b := Account("s", "k"), Account("s", "l"); a == b || strings.Contains(a, "k") && len(a) != 16 {
		t.Errorf("fingerprints %s and %s", a, b)
	}
}
