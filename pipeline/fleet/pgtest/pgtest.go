// Package pgtest starts PostgreSQL servers for tests: private data, on loopback,
// to be killed and started again.
package pgtest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Password is that of the one user, named octave; the server does not ask for it.
const Password = "tell-nobody"

// A Server is a PostgreSQL of a test's own.
type Server struct {
	t    testing.TB
	bin  string
	data string
	port int
	cmd  *exec.Cmd
}

// patience is how long a server may take to answer.
const patience = 30 * time.Second

// Start makes a server with an empty database, which ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgtest") //nolint:usetesting // the folder above that of a test is closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{t: t, bin: programs(t), data: filepath.Join(dir, "data"), port: freePort(t)}
	if err := giveAway(dir); err != nil {
		t.Fatal(err)
	}
	initdb := s.command("initdb", "-D", s.data, "-U", "octave", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	t.Cleanup(s.Kill)
	s.Run()
	return s
}

// programs is the folder of the server's programs.
func programs(t testing.TB) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		t.Fatal("there is no PostgreSQL here; make fleet-test installs it")
	}
	return filepath.Dir(slices.Max(found))
}

func freePort(t testing.TB) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// Run starts the server again after Kill, and returns when it answers.
func (s *Server) Run() {
	s.t.Helper()
	s.start()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := s.Try(context.Background(), func(*pgx.Conn) error { return nil })
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the server does not answer: %v", err)
		}
		if alive(s.cmd) {
			continue
		}
		_ = s.cmd.Wait() // a child of the one that was killed was still there
		s.start()
	}
}

func (s *Server) start() {
	s.cmd = s.command("postgres", "-D", s.data, "-p", strconv.Itoa(s.port), "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200")
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// Kill ends the server as a power cut would; its children notice and end, too.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	kill(s.cmd)
	_ = s.cmd.Wait() // killed
	s.cmd = nil
}

// Address is host and port.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// URL is where its database is, as seen through address.
func (s *Server) URL(address string) string {
	return fmt.Sprintf("postgres://octave:%s@%s/postgres?sslmode=disable", Password, address)
}

// Try lets do use a connection of its own.
func (s *Server) Try(ctx context.Context, do func(*pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(s.Address()))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return do(conn)
}

// Scan reads one row.
func (s *Server) Scan(sql string, into ...any) {
	s.t.Helper()
	if err := s.Try(context.Background(), func(conn *pgx.Conn) error { return conn.QueryRow(context.Background(), sql).Scan(into...) }); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// Exec changes something.
func (s *Server) Exec(sql string, args ...any) {
	s.t.Helper()
	if err := s.Try(context.Background(), func(conn *pgx.Conn) error {
		_, err := conn.Exec(context.Background(), sql, args...)
		return err
	}); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}
