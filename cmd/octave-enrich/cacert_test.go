//go:build unix

package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/octave/sandbox"
)

// A service whose certificate nobody here vouches for is final, and named with the
// flag to set; with it, it is a service like any other.
func TestOneMoreAuthority(t *testing.T) {
	service := sandbox.New(sandbox.Config{})
	server := httptest.NewUnstartedServer(service)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of clients that do not trust it
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "list.csv"), []byte("Email\nann@alder.example\n"), 0o600))
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	check(t, os.WriteFile(filepath.Join(dir, "authority.pem"), authority, 0o600))

	p := runToEnd(t, dir, server.URL, "run", "list.csv", "-o", "out.csv")
	if p.code() != exit.Service || !strings.Contains(p.stderr(), "--cacert FILE") || strings.Contains(p.stderr(), "run the same command") {
		t.Errorf("exit code %d:\n%s", p.code(), p.stderr())
	}
	for _, args := range [][]string{
		{"run", "list.csv", "-o", "out.csv"}, {"check"}, {"agents"}, {"plan", "list.csv", "--agent", "ca_sandbox1"},
	} {
		with := runToEnd(t, dir, server.URL, append(args, "--cacert", "authority.pem")...)
		if with.code() != 0 {
			t.Errorf("%s: exit code %d:\n%s", args[0], with.code(), with.stderr())
		}
	}
	if books := service.Ledger(); books.Billed != 1 {
		t.Errorf("billed %d", books.Billed)
	}
	if p := runToEnd(t, dir, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "check", "--cacert", "authority.pem"); p.code() != exit.Service || !strings.Contains(p.stderr(), "for another host") {
		t.Errorf("another name: exit code %d:\n%s", p.code(), p.stderr())
	}
}
