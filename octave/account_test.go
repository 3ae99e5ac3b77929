package octave_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

func TestAccountEndpoints(t *testing.T) {
	ctx := context.Background()
	c := serve(t, sandbox.New(sandbox.Config{Key: key, Credits: 10, Cost: 0.5}), octave.Config{})
	if _, err := c.Run(ctx, ann); err != nil {
		t.Fatal(err)
	}
	account, err := c.Validate(ctx)
	want := &octave.Account{Valid: true, Workspace: "Sandbox", Organization: "Sandbox", Credits: octave.Credits{
		TotalUsed: "0.5", TotalRemaining: "9.5", TotalMax: "10", QuotaUsed: "0.5", QuotaAvailable: "9.5", QuotaMax: "10",
		Period: "MONTHLY", CreditsUsed: "0.5", CreditsAvailable: "9.5"}}
	if d := cmp.Diff(want, account); err != nil || d != "" {
		t.Errorf("account: %v\n%s", err, d)
	}
	agent, err := c.Agent(ctx, "ca_sandbox3")
	if err != nil || agent.Name != "3-step sequence" || agent.CostToRun != "0.5" {
		t.Errorf("agent: %+v, %v", agent, err)
	}
	_, err = c.Agent(ctx, "ca_none")
	if e := asError(t, err); e.Status != 404 || e.Action != octave.Row {
		t.Errorf("no such agent: %v", err)
	}
}

func TestAgentsOfAllPages(t *testing.T) {
	c := serve(t, sandbox.New(sandbox.Config{}), octave.Config{})
	agents, err := c.Agents(context.Background(), false)
	if err != nil || len(agents) != 12 || agents[11].OID != "ca_sandbox12" {
		t.Errorf("%d agents, %v", len(agents), err)
	}
	agents, err = c.Agents(context.Background(), true)
	if err != nil || len(agents) != 13 || agents[12].ItemType != "EXPERIMENT" {
		t.Errorf("with experiments: %d agents, %v", len(agents), err)
	}
}

func TestAgentsEnds(t *testing.T) {
	page := func(w io.Writer, from int) {
		var rows []string
		for i := range 10 {
			rows = append(rows, fmt.Sprintf(`{"oId":"ca_%d"}`, from+i))
		}
		_, _ = fmt.Fprintf(w, `{"hasNext":true,"data":[%s]}`, strings.Join(rows, ","))
	}
	t.Run("the same page for ever", func(t *testing.T) {
		c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { page(w, 0) }), octave.Config{})
		agents, err := c.Agents(context.Background(), false)
		if err != nil || len(agents) != 10 {
			t.Errorf("%d agents, %v", len(agents), err)
		}
	})
	t.Run("new ones for ever", func(t *testing.T) {
		next := 0
		c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			page(w, next)
			next += 10
		}), octave.Config{})
		_, err := c.Agents(context.Background(), false)
		if e := asError(t, err); next != 10_000 || !strings.Contains(e.Message, "no end after 10000") {
			t.Errorf("asked for %d: %v", next, e)
		}
	})
}

func TestAccountErrors(t *testing.T) {
	ctx := context.Background()
	rejecting := serve(t, sandbox.New(sandbox.Config{Key: "another"}), octave.Config{})
	_, err := rejecting.Validate(ctx)
	if e := asError(t, err); e.Cause != octave.CauseKey || e.Action != octave.All || e.MaybeBilled {
		t.Errorf("got %v", err)
	}
	for _, body := range []string{"", "{", "[]", "null", "<title>" + key + "</title>"} {
		c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }), octave.Config{})
		account, err := c.Validate(ctx)
		if body == "null" { // harmless: not valid
			if err != nil || account.Valid {
				t.Errorf("null: %+v, %v", account, err)
			}
			continue
		}
		if e := asError(t, err); e.Action != octave.Again || e.Cause != octave.CauseServer || e.MaybeBilled {
			t.Errorf("%q: got %v, %v: %v", body, e.Action, e.Cause, e)
		}
		keyless(t, err)
	}
	silent := serve(t, sandbox.New(sandbox.Config{}), octave.Config{BaseURL: "unused"})
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, err = silent.Agents(cancelled, true)
	if e := asError(t, err); e.Action != octave.Stop {
		t.Errorf("got %v", err)
	}
}

func TestAccountOfOddTypes(t *testing.T) {
	body := `{"valid":true,"workspaceName":5,"credits":{"totalUsed":"12.5","totalRemaining":null,"period":{},"totalMax":1e3,"quotaMax":true},"new":[]}`
	c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }), octave.Config{})
	account, err := c.Validate(context.Background())
	want := &octave.Account{Valid: true, Credits: octave.Credits{TotalUsed: "12.5", TotalMax: "1e3"}}
	if d := cmp.Diff(want, account); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
}

// A service lacks an endpoint when it says so, or sends a page for people; a failure is
// no reason to think so.
func TestLacks(t *testing.T) {
	for e, want := range map[*octave.Error]bool{
		{Status: 404}: true, {Status: 405}: true, {Status: 501}: true,
		{Status: 200, Cause: octave.CauseServer}: true,
		{Status: 200}:                            false,
		{Status: 500, Cause: octave.CauseServer}: false,
		{Status: 401}:                            false,
		{}:                                       false,
	} {
		if got := octave.Lacks(e); got != want {
			t.Errorf("%+v: %v", e, got)
		}
	}
}
