package sandbox

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"octave-enrich/octave"
)

func asyncClient(t *testing.T, s *Server) *octave.Client {
	t.Helper()
	client, err := octave.NewClient(octave.Config{Key: "k", Transport: Transport(s)})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func noTurn(context.Context) error { return nil }

// fetch polls every second until there is an end.
func fetch(t *testing.T, client *octave.Client, s octave.Submission) (p octave.Progress, states []string) {
	t.Helper()
	for range 1000 {
		p, err := client.Poll(t.Context(), s, noTurn)
		if err == nil {
			if len(states) == 0 || states[len(states)-1] != p.State {
				states = append(states, p.State)
			}
			if p.Answer != nil || p.Failed != nil {
				return p, states
			}
		}
		time.Sleep(time.Second)
	}
	t.Fatal("it never ends")
	return p, nil
}

// Whatever the variant of the service, the answer is that of the synchronous call.
func TestAsynchronousAnswersAreTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want, err := asyncClient(t, New(Config{})).Run(t.Context(), ann)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"", octave.RequestIDName, octave.AgentRunIDName} {
			for _, done := range []string{"", "SUCCEEDED", "success", "none"} {
				for _, shape := range Results() {
					s := New(Config{Latency: 20 * time.Second, Async: Async{ID: id, Done: done, Result: shape}})
					client := asyncClient(t, s)
					sub, err := client.Submit(t.Context(), ann, "https://callback.invalid/")
					if err != nil {
						t.Fatal(err)
					}
					p, _ := fetch(t, client, sub)
					if p.Answer == nil || p.Answer.Emails[0].Body != want.Emails[0].Body || p.Answer.Usage != want.Usage || p.Answer.RequestID != want.RequestID {
						t.Errorf("id %q, done %q, result %q: got %+v", id, done, shape, p)
					}
					l := s.Ledger()
					if work := l.Works[sub.ID]; l.Billed != 1 || l.Delivered != 1 || l.MaxWaiting != 1 || !work.Billed || !work.Told || work.Fetched != 1 || work.Polled < 20 {
						t.Errorf("ledger: %+v", l)
					}
				}
			}
		}
	})
}

func TestAsynchronousFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for kind, want := range map[string]struct {
			states string
			billed int
			failed bool
		}{
			ok:          {"pending running completed", 1, false},
			"slow":      {"pending running completed", 1, false},
			"unordered": {"running pending running pending completed", 1, false},
			"twice":     {"pending running completed", 2, false},
			"failed":    {"pending running failed", 0, true},
			"notext":    {"pending running completed", 1, true},
		} {
			s := New(Config{Latency: 2500 * time.Millisecond, Script: []string{kind}})
			client := asyncClient(t, s)
			sub, err := client.Submit(t.Context(), ann, "https://callback.invalid/")
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			p, states := fetch(t, client, sub)
			if got := strings.Join(states, " "); got != want.states || (p.Failed != nil) != want.failed || s.Ledger().Billed != want.billed {
				t.Errorf("%s: states %s, billed %d, %+v", kind, got, s.Ledger().Billed, p)
			}
			if took := time.Since(began); kind == "slow" && took < 20*time.Second {
				t.Errorf("slow work took %v", took)
			}
		}
	})
}

func TestForgottenWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, cfg := range []Config{{Script: []string{"forgotten"}}, {Async: Async{Forget: time.Hour}}} {
			client := asyncClient(t, New(cfg))
			sub, err := client.Submit(t.Context(), ann, "https://callback.invalid/")
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Hour)
			if _, err = client.Poll(t.Context(), sub, noTurn); asOctave(t, err).Cause != octave.CauseForgotten {
				t.Errorf("got %v", err)
			}
		}
	})
}

func asOctave(t *testing.T, err error) *octave.Error {
	t.Helper()
	var e *octave.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	return e
}

// The work is begun and billed although its id is lost; polls fail and change
// nothing.
func TestLostIDsAndFailingPolls(t *testing.T) {
	s := New(Config{Script: []string{"reset-after", "ok"}, Async: Async{Faults: map[string]float64{"500": 0.3, "reset-before": 0.3}}})
	client := asyncClient(t, s)
	if _, err := client.Submit(t.Context(), ann, "https://callback.invalid/"); !asOctave(t, err).MaybeBilled {
		t.Errorf("got %v", err)
	}
	sub, err := client.Submit(t.Context(), ann, "https://callback.invalid/")
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 100 {
		if _, err := client.Poll(t.Context(), sub, noTurn); err != nil {
			failed++
		}
	}
	l := s.Ledger()
	if l.Billed != 2 || len(l.Works) != 2 || failed < 30 || failed > 90 || l.Delivered != 100-failed {
		t.Errorf("%d polls failed; ledger %+v", failed, l)
	}
	for id, work := range l.Works {
		if work.Told != (id == sub.ID) {
			t.Errorf("work %s: %+v", id, work)
		}
	}
}

func TestSubmissionsAreChecked(t *testing.T) {
	for body, want := range map[string]string{
		`{"email":"a@example.com"}`:                                                                  "callbackUrl: Required",
		`{"email":"a@example.com","callbackUrl":"here"}`:                                             "callbackUrl: Invalid url",
		`{"email":"a@example.com","agentOId":"ca_sandbox1","callbackUrl":"https://x.invalid/"}`:      "cannot be reached",
		`{"email":"a@example.com","agentOId":"ca_sandbox1","callbackUrl":"http://hooks.example/"}`:   "cannot be reached",
		`{"email":"a@example.com","callbackUrl":"https://hooks.example/"}`:                           "agentOId: Required",
		`{"email":"a@example.com","agentOId":"ca_sandbox1","callbackUrl":"https://hooks.example/x"}`: "",
	} {
		s := New(Config{StrictAgents: true, Async: Async{StrictCallback: true}})
		status, _, got := ask(t, s, http.MethodPost, "/api/v2/async/agent/run", "k", body)
		if refused := status == http.StatusBadRequest; refused != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%s: %d %s", body, status, got)
		}
	}
}

// Another process of the embedded agent knows the work by its id.
func TestPortableIDs(t *testing.T) {
	cfg := Config{Async: Async{Portable: true}}
	sub, err := asyncClient(t, New(cfg)).Submit(t.Context(), ann, "https://callback.invalid/")
	if err != nil {
		t.Fatal(err)
	}
	want, _ := asyncClient(t, New(cfg)).Run(t.Context(), ann)
	p, err := asyncClient(t, New(cfg)).Poll(t.Context(), sub, noTurn)
	if err != nil || p.Answer == nil || p.Answer.Emails[0].Body != want.Emails[0].Body {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, err = asyncClient(t, New(Config{})).Poll(t.Context(), sub, noTurn); asOctave(t, err).Cause != octave.CauseForgotten {
		t.Errorf("another service: got %v", err)
	}
}
