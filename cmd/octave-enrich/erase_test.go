package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"octave-enrich/checkpoint"
	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/pipeline/review"
)

const testCheckpoint = "people.enriched.csv.checkpoint"

// decideAll runs a list of three and decides about each answer. It returns the
// journal of the decisions, open.
func decideAll(t *testing.T) *checkpoint.Journal {
	t.Helper()
	if code, stderr := try(t, "run", "people.csv", "--sandbox", "--rate", "0"); code != 0 {
		t.Fatal(stderr)
	}
	decisions, err := checkpoint.Open(review.Path(testCheckpoint), checkpoint.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for entry, err := range checkpoint.Records(testCheckpoint, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Type == checkpoint.Answered {
			rec := checkpoint.Record{Type: review.Decided, Key: entry.Key, At: time.Now(), Body: []byte(`{"decision":"approved"}`)}
			if err := decisions.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
	}
	return decisions
}

func decisionsLeft(t *testing.T) (n int) {
	t.Helper()
	for entry, err := range checkpoint.Records(review.Path(testCheckpoint), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if entry.Type == review.Decided {
			n++
		}
	}
	return n
}

func TestEraseAndPruneReachTheDecisions(t *testing.T) {
	if err := decideAll(t).Close(); err != nil {
		t.Fatal(err)
	}
	if code, stderr := tryHere(t, "erase", testCheckpoint, "--email", "ada@alder.example"); code != 0 || decisionsLeft(t) != 2 {
		t.Errorf("exit code %d, %d decisions left, want 2: %s", code, decisionsLeft(t), stderr)
	}
	if code, stderr := tryHere(t, "prune", testCheckpoint, "--older-than", "1h"); code != 0 || decisionsLeft(t) != 2 {
		t.Errorf("exit code %d, %d decisions left, want 2: %s", code, decisionsLeft(t), stderr)
	}
	if code, stderr := tryHere(t, "prune", testCheckpoint, "--older-than", "1ns"); code != 0 || decisionsLeft(t) != 0 {
		t.Errorf("exit code %d, %d decisions left, want none: %s", code, decisionsLeft(t), stderr)
	}
}

// While somebody reviews, nothing is erased: half of it would be worse than none.
func TestEraseWaitsForTheReview(t *testing.T) {
	decisions := decideAll(t)
	defer decisions.Close()
	before, err := os.ReadFile(testCheckpoint)
	if err != nil {
		t.Fatal(err)
	}
	if code, stderr := tryHere(t, "prune", testCheckpoint, "--older-than", "1ns"); code != exit.Locked {
		t.Errorf("prune: exit code %d: %s", code, stderr)
	}
	code, stderr := tryHere(t, "erase", testCheckpoint, "--email", "ada@alder.example")
	after, err := os.ReadFile(testCheckpoint)
	if err != nil || code != exit.Locked || string(before) != string(after) || !strings.Contains(stderr, "is in use") {
		t.Errorf("exit code %d, %v, checkpoint changed: %v\n%s", code, err, string(before) != string(after), stderr)
	}
}
