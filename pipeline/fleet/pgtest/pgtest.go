// Package pgtest starts PostgreSQL servers for tests: private data, on loopback,
// to be killed and started again.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Password is that of the one user, named octave; the server does not ask for it.
const Password = "tell-nobody"

// A Server is a PostgreSQL, and a database on it that is a test's own.
type Server struct {
	t        testing.TB
	bin      string
	dir      string
	port     int
	cmd      *exec.Cmd
	database string
	kept     *kept
}

// kept is a connection that a test looks through again and again: a new one each time
// costs the server a process.
type kept struct {
	mu   sync.Mutex
	conn *pgx.Conn
}

// patience is how long a server may take to answer.
const patience = time.Minute

// Start makes a server with an empty database, which ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := launch(t)
	t.Cleanup(s.remove)
	return s
}

// blank is the folder of the data that every server begins with, "" until a test needs
// one.
var blank struct {
	mu  sync.Mutex
	dir string
}

// shared is the server of [Shared] and [Filled].
var shared struct {
	mu        sync.Mutex
	server    *Server // nil until a test needs it
	filled    bool    // its database "filled" is that of [Filled]
	databases int
}

// Shared gives a test an empty database on a server that goes on for others: not
// to be killed. It ends with [Main].
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return newDatabase(t, "")
}

// Filled is Shared, but that the database is a copy of the one that fill filled for the
// first test.
func Filled(t testing.TB, fill func(*Server)) *Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.filled {
		first := newDatabase(t, "")
		fill(first)
		first.kept.close()
		shared.server.Exec("ALTER DATABASE " + first.database + " RENAME TO filled")
		shared.filled = true
	}
	return newDatabase(t, " TEMPLATE filled")
}

// newDatabase makes one on the shared server. Its caller holds the lock.
func newDatabase(t testing.TB, options string) *Server {
	t.Helper()
	if shared.server == nil {
		shared.server = launch(t)
	}
	shared.databases++
	s := &Server{t: t, bin: shared.server.bin, dir: shared.server.dir, port: shared.server.port, database: "test" + strconv.Itoa(shared.databases), kept: &kept{}}
	shared.server.Exec("CREATE DATABASE " + s.database + options)
	t.Cleanup(s.kept.close)
	return s
}

// Main runs the tests of a package that uses this one.
func Main(m interface{ Run() int }) (code int) {
	code = m.Run()
	if shared.server != nil {
		shared.server.remove()
	}
	if blank.dir != "" {
		_ = os.RemoveAll(blank.dir)
	}
	return code
}

func launch(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, bin: programs(t), dir: folder(t), port: freePort(t), database: "postgres", kept: &kept{}}
	cp, err := exec.LookPath("cp")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := s.command(cp, "-r", blankData(t), s.data()).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	s.Run()
	return s
}

// blankData are those of a server that was never used. To copy them costs a tenth of
// making them.
func blankData(t testing.TB) string {
	t.Helper()
	blank.mu.Lock()
	defer blank.mu.Unlock()
	if blank.dir == "" {
		s := &Server{bin: programs(t), dir: folder(t)}
		initdb := s.command("initdb", "-D", s.data(), "-U", "octave", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions", "--wal-segsize=1") // smaller, to be copied
		if out, err := initdb.CombinedOutput(); err != nil {
			t.Fatalf("initdb: %v\n%s", err, out)
		}
		blank.dir = s.dir
	}
	return filepath.Join(blank.dir, "data")
}

// folder is one for a server: its data are closed to others, its sockets are not.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgtest")                                        //nolint:usetesting // the folder above that of a test is closed to the server's user
	if err := errors.Join(err, os.Chmod(dir, 0o711), giveAway(dir)); err != nil { //nolint:gosec // see above
		t.Fatal(err)
	}
	return dir
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// program is the path of one of the server's programs.
func (s *Server) program(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.bin, name)
}

func (s *Server) remove() {
	s.kept.close()
	s.Kill()
	_ = os.RemoveAll(s.dir)
}

// programs is the folder of the server's programs.
func programs(t testing.TB) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil { // beside it are the others
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		t.Fatal("there is no PostgreSQL here; make fleet-test installs it")
	}
	return filepath.Dir(slices.Max(found))
}

// freePort is none of those that the system gives away: a server that is killed has
// to find its own again.
func freePort(t testing.TB) int {
	for range 1000 {
		port := 10_000 + rand.IntN(20_000)
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("there is no free port")
	return 0
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
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port), "-k", s.dir, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"}
	if _, measures := s.t.(*testing.B); !measures {
		// What the system has written outlives a process that is killed, and no test is
		// long enough for tables to be cleaned.
		args = append(args, "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "autovacuum=off")
	}
	s.cmd = s.command("postgres", args...)
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

// Standby makes a server that follows this one, from its stream, and may only be read
// until Promote. It ends with the test.
func (s *Server) Standby() *Server {
	s.t.Helper()
	dir := filepath.Join(s.dir, "standby")
	if err := errors.Join(os.Mkdir(dir, 0o711), giveAway(dir)); err != nil { //nolint:gosec // as that of the server
		s.t.Fatal(err)
	}
	b := &Server{t: s.t, bin: s.bin, dir: dir, port: freePort(s.t), database: s.database, kept: &kept{}}
	backup := s.command("pg_basebackup", "-D", b.data(), "-d", fmt.Sprintf("host=127.0.0.1 port=%d user=octave", s.port), "-R", "-X", "stream", "-c", "fast", "--no-sync")
	if out, err := backup.CombinedOutput(); err != nil {
		s.t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	s.t.Cleanup(func() { b.kept.close(); b.Kill() })
	b.Run()
	return b
}

// Promote makes a standby the server that takes writes.
func (s *Server) Promote() {
	s.t.Helper()
	if out, err := s.command("pg_ctl", "promote", "-D", s.data(), "-w").CombinedOutput(); err != nil {
		s.t.Fatalf("pg_ctl promote: %v\n%s", err, out)
	}
}

// Address is host and port.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Socket is the folder and the port of its socket, open to every user.
func (s *Server) Socket() (folder string, port int) { return s.dir, s.port }

// URL is where its database is, as seen through address.
func (s *Server) URL(address string) string {
	return fmt.Sprintf("postgres://octave:%s@%s/%s?sslmode=disable", Password, address, s.database)
}

// Database is the name of its database.
func (s *Server) Database() string { return s.database }

// As is a URL of another user's.
func As(user, url string) string { return strings.Replace(url, "://octave:", "://"+user+":", 1) }

// Pooler starts a PgBouncer that gives every transaction another session of the
// server's, and returns its address. It ends with the test.
func (s *Server) Pooler(sessions int) (address string) {
	s.t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		s.t.Fatal("there is no PgBouncer here; make fleet-test installs it")
	}
	port := freePort(s.t)
	file := filepath.Join(s.dir, fmt.Sprint("pgbouncer", port))
	settings := fmt.Sprintf("[databases]\n%s = host=127.0.0.1 port=%d user=octave\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=%d\n"+
		"unix_socket_dir=\nauth_type=any\npool_mode=transaction\ndefault_pool_size=%d\n", s.database, s.port, port, sessions)
	if err := errors.Join(os.WriteFile(file, []byte(settings), 0o600), giveAway(file)); err != nil {
		s.t.Fatal(err)
	}
	cmd := s.command(program, file)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { kill(cmd); _ = cmd.Wait() })
	address = fmt.Sprintf("127.0.0.1:%d", port)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return address
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("PgBouncer does not answer: %v", err)
		}
	}
}

// Try lets do use a connection of its own.
func (s *Server) Try(ctx context.Context, do func(*pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(s.Address()))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // what was done has an error of its own
	return do(conn)
}

// use works with the kept connection, or with one of its own while somebody else does.
func (s *Server) use(do func(*pgx.Conn) error) error {
	k := s.kept
	if !k.mu.TryLock() {
		return s.Try(context.Background(), do)
	}
	defer k.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if k.conn == nil || k.conn.Ping(ctx) != nil {
		k.drop()
		cfg, err := pgx.ParseConfig(s.URL(s.Address()))
		if err != nil {
			return err
		}
		cfg.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec // tables change under it
		if k.conn, err = pgx.ConnectConfig(ctx, cfg); err != nil {
			return err
		}
	}
	return do(k.conn)
}

func (k *kept) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop()
}

func (k *kept) drop() {
	if k.conn != nil {
		_ = k.conn.Close(context.Background())
		k.conn = nil
	}
}

// Scan reads one row.
func (s *Server) Scan(sql string, into ...any) {
	s.t.Helper()
	if err := s.use(func(conn *pgx.Conn) error { return conn.QueryRow(context.Background(), sql).Scan(into...) }); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// Exec changes something.
func (s *Server) Exec(sql string, args ...any) {
	s.t.Helper()
	if err := s.use(func(conn *pgx.Conn) error {
		_, err := conn.Exec(context.Background(), sql, args...)
		return err
	}); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}
