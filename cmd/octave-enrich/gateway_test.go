//go:build gateway

package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The gateway campaign: nginx as Debian ships it stands between a run and the
// service, and gives calls up that the service works on, and bills. Its ledger is
// the witness. See testdata/gateway.sh.

// gatewayConf has three gateways before one service: one that gives up after a
// second, one that drops headers with underscores, and one that refuses who is
// too fast.
const gatewayConf = `
daemon off;
user root; # who starts it may be another: then it is ignored
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	proxy_set_header Host $host;
	limit_req_zone $server_name zone=all:1m rate=20r/s;
	server { listen %[3]s; server_name impatient; underscores_in_headers on; location / { proxy_pass %[2]s; proxy_read_timeout 1s; } }
	server { listen %[4]s; server_name deaf; location / { proxy_pass %[2]s; } }
	server { listen %[5]s; server_name strict; underscores_in_headers on; location / { limit_req zone=all burst=2 nodelay; proxy_pass %[2]s; } }
}
`

// gateways starts nginx before a service and returns the URLs of the three.
func gateways(t *testing.T, service string) (impatient, deaf, strict string) {
	t.Helper()
	dir := t.TempDir()
	var at [3]string
	for i := range at {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		at[i] = l.Addr().String()
		check(t, l.Close())
	}
	conf := filepath.Join(dir, "nginx.conf")
	check(t, os.WriteFile(conf, fmt.Appendf(nil, gatewayConf, dir, service, at[0], at[1], at[2]), 0o600))
	p := start(t, exec.CommandContext(t.Context(), "nginx", "-e", dir+"/error.log", "-p", dir, "-c", conf))
	t.Cleanup(func() { _ = p.cmd.Process.Signal(syscall.SIGTERM) })
	for _, addr := range at {
		await(t, p, "nginx to listen", func() bool {
			conn, err := net.DialTimeout("tcp", addr, time.Second)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	}
	return "http://" + at[0], "http://" + at[1], "http://" + at[2]
}

// gatewayList is a list of so many contacts.
func gatewayList(t *testing.T, dir string, rows int) {
	t.Helper()
	var list strings.Builder
	list.WriteString("First Name,Last Name,Email,Company\n")
	for i := range rows {
		fmt.Fprintf(&list, "Ann,Lee,p%d@example.com,Acme\n", i)
	}
	check(t, os.WriteFile(filepath.Join(dir, "list.csv"), []byte(list.String()), 0o600))
}

// tallied are the figures of a summary and of status.
type tallied struct {
	Calls struct {
		Started, Answered, Refused, Failed int
		PossiblyBilled                     int `json:"possibly_billed"`
	}
	PossiblyBilled int `json:"possibly_billed"`
}

func readTallied(t *testing.T, text []byte) (c tallied) {
	t.Helper()
	check(t, json.Unmarshal(text, &c))
	return c
}

func statusOf(t *testing.T, dir, checkpoint string) tallied {
	t.Helper()
	text, err := command(t, dir, "", "status", checkpoint, "--json").Output()
	check(t, err)
	return readTallied(t, text)
}

func summaryOf(t *testing.T, dir string) tallied {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	check(t, err)
	return readTallied(t, text)
}

// With --on-lost fail nobody is asked twice, whatever the gateway gave up; without
// it nobody more often than --retries, and every call that was billed for nothing
// is tallied.
func TestGatewayGivesUp(t *testing.T) {
	t.Parallel()
	const rows = 60
	for _, c := range []struct {
		onLost  string
		retries int
	}{{"fail", 4}, {"retry", 1}} {
		t.Run(c.onLost, func(t *testing.T) {
			t.Parallel()
			service := serveRemote(t, "--latency", "300ms", "--jitter", "1300ms")
			impatient, _, _ := gateways(t, service.url)
			dir := t.TempDir()
			gatewayList(t, dir, rows)
			p := runToEnd(t, dir, impatient, "run", "list.csv", "-o", "out.csv", "--concurrency", "16", "--on-lost", c.onLost,
				"--retries", fmt.Sprint(c.retries), "--summary", "summary.json")
			if p.code() != 3 && p.code() != 0 {
				t.Fatalf("exit code %d:\n%s", p.code(), p.stderr())
			}
			books, sum, status := service.books(t), summaryOf(t, dir), statusOf(t, dir, "out.csv.checkpoint")
			t.Logf("%d calls, %d billed, %d answered, possibly billed %d (status %d)",
				books.Asked, books.Billed, sum.Calls.Answered, sum.Calls.PossiblyBilled, status.PossiblyBilled)
			if books.Billed-sum.Calls.Answered != sum.Calls.PossiblyBilled || status.PossiblyBilled != sum.Calls.PossiblyBilled || sum.Calls.PossiblyBilled == 0 {
				t.Errorf("billed %d, answered %d; possibly billed says the summary %d, status %d",
					books.Billed, sum.Calls.Answered, sum.Calls.PossiblyBilled, status.PossiblyBilled)
			}
			most := 1
			if c.onLost == "retry" {
				most += c.retries
			}
			for name, n := range books.Contacts {
				if n.Asked > most {
					t.Errorf("%s was asked %d times", name, n.Asked)
				}
			}
			if len(books.Contacts) != rows {
				t.Errorf("%d contacts were asked, want %d", len(books.Contacts), rows)
			}
		})
	}
}

// With --async the same gateway costs nothing: no exchange is as long as its
// patience.
func TestGatewayAsync(t *testing.T) {
	t.Parallel()
	const rows = 60
	service := serveRemote(t, "--latency", "1500ms", "--jitter", "1s")
	impatient, _, _ := gateways(t, service.url)
	dir := t.TempDir()
	gatewayList(t, dir, rows)
	p := runToEnd(t, dir, impatient, "run", "list.csv", "-o", "out.csv", "--concurrency", "16", "--async", "--poll", "100ms", "--summary", "summary.json")
	books, sum, status := service.books(t), summaryOf(t, dir), statusOf(t, dir, "out.csv.checkpoint")
	if p.code() != 0 || books.Billed != rows || sum.Calls.Answered != rows || sum.Calls.PossiblyBilled+status.PossiblyBilled != 0 {
		t.Errorf("exit code %d, billed %d, %+v, possibly billed says status %d:\n%s", p.code(), books.Billed, sum.Calls, status.PossiblyBilled, p.stderr())
	}
}

func TestGatewayDropsTheKey(t *testing.T) {
	t.Parallel()
	service := serveRemote(t)
	_, deaf, _ := gateways(t, service.url)
	dir := t.TempDir()
	gatewayList(t, dir, 3)
	p := runToEnd(t, dir, deaf, "run", "list.csv", "-o", "out.csv")
	if p.code() != 12 || !strings.Contains(p.stderr(), "underscores_in_headers") || service.books(t).Asked > 0 {
		t.Errorf("exit code %d:\n%s", p.code(), p.stderr())
	}
}

// A gateway's 503 is a refusal: nobody fails of it, and nothing was billed.
func TestGatewayRefuses(t *testing.T) {
	t.Parallel()
	const rows = 40
	service := serveRemote(t, "--latency", "20ms")
	_, _, strict := gateways(t, service.url)
	dir := t.TempDir()
	gatewayList(t, dir, rows)
	p := runToEnd(t, dir, strict, "run", "list.csv", "-o", "out.csv", "--retries", "0", "--on-lost", "fail", "--summary", "summary.json")
	sum, books := summaryOf(t, dir), service.books(t)
	t.Logf("%+v", sum.Calls)
	if p.code() != 0 || sum.Calls.Refused == 0 || sum.Calls.PossiblyBilled != 0 || books.Billed != rows || books.Asked != rows {
		t.Errorf("exit code %d, %+v, billed %d of %d:\n%s", p.code(), sum.Calls, books.Billed, books.Asked, p.stderr())
	}
	out, err := os.Open(filepath.Join(dir, "out.csv"))
	check(t, err)
	defer out.Close()
	records, err := csv.NewReader(out).ReadAll()
	check(t, err)
	status := slices.Index(records[0], "octave_status")
	for _, r := range records[1:] {
		if r[status] != "ok" {
			t.Errorf("a row is %s", r[status])
		}
	}
}
