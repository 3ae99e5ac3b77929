package fleet

import (
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// What leaves this machine is encrypted, and goes to the database alone.
func TestTLSIsAskedFor(t *testing.T) {
	for _, name := range []string{"PGHOST", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE", "PGPASSFILE"} {
		t.Setenv(name, "") // empty counts as absent
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	service := httptest.NewTLSServer(nil)
	defer service.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw})
	if err := os.WriteFile(ca, authority, 0o600); err != nil {
		t.Fatal(err)
	}
	const clear, unverified = "clear", "unverified"
	for url, want := range map[string]string{
		"postgres://octave@db.example/fleet":                                   clear, // what PostgreSQL prefers is not what it demands
		"postgres://octave@db.example/fleet?sslmode=disable":                   clear,
		"postgres://octave@db.example/fleet?sslmode=allow":                     clear,
		"postgres://octave@db.example/fleet?sslmode=prefer":                    clear,
		"postgres://octave@db.example/fleet?sslmode=require":                   unverified,
		"postgres://octave@db.example/fleet?sslmode=verify-ca":                 "",
		"postgres://octave@db.example/fleet?sslmode=verify-full":               "",
		"postgres://octave@db.example/fleet?sslmode=require&sslrootcert=" + ca: "",
		"host=db.example user=octave dbname=fleet":                             clear,
		"host=db.example user=octave dbname=fleet sslmode=verify-full":         "",
		"postgres://octave@127.0.0.1,db.example/fleet":                         clear, // the second is tried, too
		"postgres://octave@localhost/fleet":                                    "",
		"postgres://octave@[::1]/fleet":                                        "",
		"postgres://octave@127.8.8.8/fleet?sslmode=disable":                    "",
		"postgres://octave@/fleet?host=/run/postgresql":                        "",
		"host=/run/postgresql,127.0.0.1 user=octave dbname=fleet":              "",
		"postgres://octave@db1.example,db2.example/fleet?sslmode=verify-full":  "",
		"postgres://octave@192.0.2.1/fleet":                                    clear,
		"postgres://octave@localhost.example/fleet":                            clear,
	} {
		err := CheckTLS(url)
		var insecure *InsecureError
		got := ""
		if errors.As(err, &insecure) {
			got = clear
			if insecure.Encrypted {
				got = unverified
			}
		} else if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func TestTLSKnowsAURL(t *testing.T) {
	if err := CheckTLS("mysql://octave@db.example/fleet"); !errors.Is(err, ErrURL) {
		t.Error(err)
	}
}
