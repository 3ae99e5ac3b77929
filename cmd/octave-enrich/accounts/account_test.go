package accounts

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/options"
	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

// looked asks a service about its account, and returns what was said.
func looked(t *testing.T, cfg sandbox.Config, agent string) (l *Account, said string, err error) {
	t.Helper()
	client, err := octave.NewClient(octave.Config{BaseURL: "http://127.0.0.1", Key: "any", Transport: sandbox.Transport(sandbox.New(cfg))})
	if err != nil {
		t.Fatal(err)
	}
	l = New(client, agent, false, func(msg string, _ ...zap.Field) { said += msg + "\n" })
	err = l.Look(context.Background())
	return l, said, err
}

// What the service says of the account before the first call, and what it leaves open.
func TestLook(t *testing.T) {
	for _, tt := range []struct {
		name, account, key string
		heard              bool
		says               string
		cause              octave.Cause
	}{
		{"it tells", "", "", true, "left", 0},
		{"it has no such endpoints", "404", "", false, "does not tell of the account", 0},
		{"it is down", "503", "", false, "", octave.CauseRateLimited},
		{"another key", "", "other", false, "", octave.CauseKey},
	} {
		l, said, err := looked(t, sandbox.Config{Account: tt.account, Key: tt.key, Credits: 100}, "")
		var call *octave.Error
		if errors.As(err, &call); call == nil && tt.cause != 0 || call != nil && call.Cause != tt.cause {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.cause)
		}
		if l.Heard() != tt.heard || !strings.Contains(said, tt.says) {
			t.Errorf("%s: heard %v, said %q", tt.name, l.Heard(), said)
		}
	}
}

// An agent that there is not ends a run before its first call.
func TestNoSuchAgent(t *testing.T) {
	_, _, err := looked(t, sandbox.Config{StrictAgents: true}, "ca_none")
	if err == nil || exit.As(exit.ServiceError(err)).Code != exit.Usage {
		t.Errorf("%v", err)
	}
}

// A rejected key is most likely a proxy's fault where one stands before the service.
func TestKeyHint(t *testing.T) {
	for _, tt := range []struct {
		base   string
		status int
		server string
		proxy  bool
	}{
		{octave.DefaultBaseURL, http.StatusUnauthorized, "", false},
		{octave.DefaultBaseURL, http.StatusUnauthorized, "nginx/1.26.0", true},
		{octave.DefaultBaseURL, http.StatusUnauthorized, "1.1 proxy.example", true},
		{octave.DefaultBaseURL, http.StatusForbidden, "nginx/1.26.0", false},
		{"https://gateway.example", http.StatusUnauthorized, "", true},
	} {
		o := &options.Options{}
		o.Service.BaseURL = tt.base
		hint := KeyHint(o, &octave.Error{Status: tt.status, Server: tt.server, Cause: octave.CauseKey})
		if strings.Contains(hint, "underscores_in_headers") != tt.proxy || !strings.Contains(hint, "octave-enrich check") {
			t.Errorf("%+v: %s", tt, hint)
		}
	}
}
