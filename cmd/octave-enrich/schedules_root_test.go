//go:build schedules

package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave/sandbox"
)

// A root is a file system with nothing in it but a few of Debian's tools, and
// /work, the folder of the schedules with what their comments ask for beside it.
type root struct {
	t   *testing.T
	dir string
	url string // of the service
}

// tools are what the comments and the schedules call.
func tools() []string {
	return []string{"sh", "install", "useradd", "cat", "cp", "test", "tail", "true", "env", "jq"}
}

func emptyRoot(t *testing.T) *root {
	if os.Geteuid() != 0 {
		t.Fatal("a root of its own takes the super-user")
	}
	service := httptest.NewServer(sandbox.New(sandbox.Config{}))
	t.Cleanup(service.Close)
	r := &root{t, t.TempDir(), service.URL}
	check(t, os.Chmod(filepath.Dir(r.dir), 0o755)) //nolint:gosec // users of the root go through it
	check(t, os.Chmod(r.dir, 0o755))               //nolint:gosec // as a root is
	for _, dir := range []string{"usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "dev", "var/lib", "var/cache", "srv", "work"} {
		check(t, os.MkdirAll(filepath.Join(r.dir, dir), 0o755)) //nolint:gosec // as in a root
	}
	check(t, os.MkdirAll(filepath.Join(r.dir, "tmp"), 0o777)) //nolint:gosec // the same
	check(t, os.Chmod(filepath.Join(r.dir, "tmp"), 0o1777))   //nolint:gosec // the same
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		check(t, os.Symlink("usr/"+link, filepath.Join(r.dir, link)))
	}
	for _, tool := range tools() {
		r.bring(tool)
	}
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n", "etc/shadow": "root:*:1::::::\n", "etc/gshadow": "root:*::\n", "dev/null": "",
	} {
		r.write(name, text, 0o644)
	}
	check(t, os.Chmod(filepath.Join(r.dir, "dev/null"), 0o666)) //nolint:gosec // a file in its place, where no device can be made
	r.prepare()
	return r
}

// bring copies a tool and its libraries.
func (r *root) bring(tool string) {
	path, err := exec.LookPath(tool)
	check(r.t, err)
	files := []string{path}
	libraries, _ := exec.CommandContext(r.t.Context(), "ldd", path).Output() // none for a static one
	for _, m := range regexp.MustCompile(`(/\S+) \(0x`).FindAllSubmatch(libraries, -1) {
		files = append(files, string(m[1]))
	}
	for i, file := range files {
		to := filepath.Join(r.dir, file)
		if i == 0 {
			to = filepath.Join(r.dir, "usr/bin", tool)
		}
		if _, err := os.Stat(to); err == nil {
			continue
		}
		check(r.t, os.MkdirAll(filepath.Dir(to), 0o755)) //nolint:gosec // as in a root
		check(r.t, os.WriteFile(to, read(r.t, file), 0o755))
	}
}

func (r *root) write(name, text string, perm fs.FileMode) {
	check(r.t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), perm))
}

func (r *root) read(name string) string { return string(read(r.t, filepath.Join(r.dir, name))) }

// prepare puts the schedules into the folder, and what their comments name: the
// program, a list, a key, and the agent in the settings.
func (r *root) prepare() {
	check(r.t, os.CopyFS(filepath.Join(r.dir, "work"), os.DirFS("../../samples/schedules")))
	program, err := exec.LookPath(cmp.Or(os.Getenv("CRASH_BIN"), words.Tool))
	check(r.t, err)
	check(r.t, os.WriteFile(filepath.Join(r.dir, "work", words.Tool), read(r.t, program), 0o755)) //nolint:gosec // a program
	r.write("work/leads.csv", "Email,First Name,Company\nada@alder.example,Ada,Alder\nben@birch.example,Ben,Birch\n", 0o644)
	r.write("work/key", "a-key\n", 0o600)
	settings := r.read("work/octave.yaml")
	edited := strings.Replace(settings, "agent: ca_your_agent ", "base-url: "+r.url+"\nagent: ca_sandbox4 ", 1)
	if edited == settings {
		r.t.Fatal("octave.yaml has no agent to replace")
	}
	r.write("work/octave.yaml", edited, 0o644)
	r.write("usr/bin/kubectl", kubectl, 0o755)
	r.write("usr/bin/systemctl", "#!/bin/sh\necho systemctl \"$@\" >>/tmp/called\n", 0o755)
	r.write("usr/bin/git", "#!/bin/sh\nshift\nfor file; do test -e \"$file\" || exit 1; done\n", 0o755)
	r.write("usr/bin/gh", "#!/bin/sh\ncat >/tmp/secret\n", 0o755)
	r.write("usr/bin/mail", "#!/bin/sh\ncat >/tmp/mailed\n", 0o755)
	r.write("usr/bin/journalctl", "#!/bin/sh\necho the end of the log\n", 0o755)
}

// kubectl keeps what a cluster would keep, as files.
const kubectl = `#!/bin/sh
set -eu
case "$1 $2" in
"create secret") install -D "${5#--from-file=api-key=}" /cluster/secret ;;
"create configmap") install -D "${4#--from-file=}" "/cluster/config/${4#--from-file=}" ;;
"apply -f" | "delete -f") test -e "$3" ;;
"wait "*) ;;
"cp "*) install -D -o 65532 -g 65532 -m 644 "$2" "/cluster/claim/${3#leads-files:/leads/}" ;;
*) exit 2 ;;
esac
`

// A place is who runs a command in the root, and where.
type place struct {
	uid, gid uint32
	dir      string
	env      []string
}

// sh runs a line in the root, in an empty environment. It returns what was printed.
func (r *root) sh(at place, line string) (out string, code int) {
	cmd := exec.CommandContext(r.t.Context(), "/bin/sh", "-c", line)
	cmd.Path = "/bin/sh"
	cmd.Dir, cmd.Env = at.dir, append([]string{"PATH=/usr/bin:/bin"}, at.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: r.dir, Credential: &syscall.Credential{Uid: at.uid, Gid: at.gid}}
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// follow runs the lines of a schedule's comment, word by word.
func (r *root) follow(name string) {
	r.t.Helper()
	comment, _, _ := strings.Cut(r.read("work/"+name), "\n[Unit]")
	lines := regexp.MustCompile(`(?m)^#   (\S.*)$`).FindAllStringSubmatch(comment, -1)
	if len(lines) < 3 {
		r.t.Fatalf("%s says nothing to follow", name)
	}
	for _, line := range lines {
		if strings.HasPrefix(line[1], "journalctl") {
			continue // shows the log
		}
		if out, code := r.sh(place{dir: "/work", env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}, line[1]); code != 0 {
			r.t.Fatalf("%s: %s: exit code %d: %s", name, line[1], code, out)
		}
	}
}

// user is one that the comment made.
func (r *root) user(name string) place {
	for line := range strings.Lines(r.read("etc/passwd")) {
		if f := strings.Split(strings.TrimSpace(line), ":"); f[0] == name {
			uid, _ := strconv.ParseUint(f[2], 10, 32)
			gid, _ := strconv.ParseUint(f[3], 10, 32)
			return place{uid: uint32(uid), gid: uint32(gid), dir: "/"}
		}
	}
	r.t.Fatalf("there is no user %s", name)
	return place{}
}

// night wants a night that went well: both contacts, the real exit code in the
// summary, nothing that others may read.
func (r *root) night(folder string, code int) {
	r.t.Helper()
	found, err := filepath.Glob(filepath.Join(r.dir, folder, "out-20*-*-*.csv"))
	if err != nil || len(found) != 1 {
		r.t.Fatalf("%s holds the rows %v, %v", folder, found, err)
	}
	if n := strings.Count(string(read(r.t, found[0])), "@"); n < 2 {
		r.t.Errorf("%d contacts, want 2", n)
	}
	var summary struct {
		ExitCode int `json:"exit_code"`
	}
	check(r.t, json.Unmarshal([]byte(r.read(folder+"/last-run.json")), &summary))
	if summary.ExitCode != code {
		r.t.Errorf("the summary has the exit code %d, want %d", summary.ExitCode, code)
	}
	for _, name := range []string{found[0], filepath.Join(r.dir, folder, "out-all.csv.checkpoint")} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			r.t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// oneCall is one line more in the settings where they were installed.
func (r *root) oneCall(name string) { r.write(name, r.read(name)+"max-calls: 1\n", 0o644) }

// forget lets the next run begin anew.
func (r *root) forget(folder string) {
	left, err := filepath.Glob(filepath.Join(r.dir, folder, "*"))
	check(r.t, err)
	for _, name := range left {
		if strings.Contains(name, "out-") {
			check(r.t, os.Remove(name))
		}
	}
}

func TestScheduleCrontab(t *testing.T) {
	r := emptyRoot(t)
	r.follow("crontab")
	jobs := regexp.MustCompile(`(?m)^[0-9*]+ [0-9*]+ [0-9*]+ [0-9*]+ [0-9*]+ (\S+) (.*)$`).FindAllStringSubmatch(r.read("etc/cron.d/octave-enrich"), -1)
	if len(jobs) != 2 {
		t.Fatalf("%d jobs", len(jobs))
	}
	at := r.user(jobs[0][1])
	at.env = []string{"SHELL=/bin/sh", "LOGNAME=octave", "HOME=/home/octave"} // as cron sets them
	mailed := func(job int) string {
		t.Helper()
		out, _ := r.sh(at, jobs[job][2])
		return out
	}
	if out := mailed(1); out != "" { // before there are answers
		t.Errorf("mailed: %s", out)
	}
	if out := mailed(0); out != "" {
		t.Errorf("mailed: %s", out)
	}
	r.night("srv/leads", 0)
	if out := mailed(1); out != "" {
		t.Errorf("mailed: %s", out)
	}
	r.forget("srv/leads")
	r.oneCall("srv/leads/octave.yaml")
	if out := mailed(0); out != "" {
		t.Errorf("mailed after a budget: %s", out)
	}
	r.night("srv/leads", 8)
	r.write("srv/leads/leads.csv", "", 0o600)
	if out := mailed(0); !strings.Contains(out, "leads.csv") {
		t.Errorf("mailed after a night that failed: %q", out)
	}
}

// A unit is what matters of one here.
func unit(text string) map[string][]string {
	set := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z][A-Za-z]+)=(.*)$`).FindAllStringSubmatch(text, -1) {
		set[m[1]] = append(set[m[1]], strings.NewReplacer("%S", "/var/lib", "%C", "/var/cache", "%H", "host").Replace(m[2]))
	}
	return set
}

// What systemd does before it starts the service is done by hand; where systemd runs,
// make schedules starts it with systemd-run, too.
func TestScheduleSystemd(t *testing.T) {
	r := emptyRoot(t)
	r.follow("octave-enrich.service")
	if called := r.read("tmp/called"); called != "systemctl daemon-reload\nsystemctl enable --now octave-enrich.timer\n" {
		t.Errorf("called: %s", called)
	}
	targets, err := filepath.Glob("/usr/lib/systemd/system/*.target") // which the units are ordered by
	check(t, err)
	check(t, os.MkdirAll(filepath.Join(r.dir, "usr/lib/systemd/system"), 0o755)) //nolint:gosec // as in a root
	for _, target := range targets {
		r.write(strings.TrimPrefix(target, "/"), string(read(t, target)), 0o644)
	}
	checked, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", "--root="+r.dir, "octave-enrich.timer", "octave-enrich.service", "octave-enrich-failed.service").CombinedOutput()
	if err != nil || strings.Contains(string(checked), "octave") {
		t.Errorf("systemd-analyze verify: %v: %s", err, checked)
	}
	u := unit(r.read("etc/systemd/system/octave-enrich.service"))
	at := r.user(u["User"][0])
	at.dir = u["WorkingDirectory"][0]
	at.env = append(slices.Clone(u["Environment"]), "CREDENTIALS_DIRECTORY=/run/credentials/octave-enrich.service", "INVOCATION_ID=1", "JOURNAL_STREAM=1:1", "USER=octave")
	for kind, parent := range map[string]string{"StateDirectory": "var/lib", "CacheDirectory": "var/cache"} {
		mode, err := strconv.ParseUint(u[kind+"Mode"][0], 8, 32)
		check(t, err)
		dir := filepath.Join(r.dir, parent, u[kind][0])
		check(t, os.MkdirAll(dir, 0o700))
		check(t, os.Chmod(dir, fs.FileMode(mode)))
		check(t, os.Chown(dir, int(at.uid), int(at.gid)))
	}
	name, from, _ := strings.Cut(u["LoadCredential"][0], ":")
	credentials := filepath.Join(r.dir, "run/credentials/octave-enrich.service")
	check(t, os.MkdirAll(credentials, 0o755))                                                            //nolint:gosec // its file is private
	check(t, os.WriteFile(filepath.Join(credentials, name), read(t, filepath.Join(r.dir, from)), 0o400)) // systemd, as root
	check(t, os.Chown(filepath.Join(credentials, name), int(at.uid), int(at.gid)))
	start := func() (string, int) { return r.sh(at, "umask "+u["UMask"][0]+"; exec "+u["ExecStart"][0]) }
	if out, code := start(); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	r.night("var/lib/octave-enrich", 0)
	metrics := filepath.Join(r.dir, "var/cache/octave-enrich/octave_enrich.prom")
	if info, err := os.Stat(metrics); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the metrics: %v, %v", info, err)
	}
	r.forget("var/lib/octave-enrich")
	r.oneCall("etc/octave-enrich/octave.yaml")
	if out, code := start(); code != 0 {
		t.Errorf("after a budget: exit code %d: %s", code, out)
	}
	if !slices.Contains(strings.Fields(u["SuccessExitStatus"][0]), "143") {
		t.Error("a stop is a failure")
	}
	// The next list comes in by the line that the comment names.
	if out, code := r.sh(place{dir: "/work"}, "install -o octave -g octave -m 600 leads.csv /var/lib/octave-enrich/"); code != 0 {
		t.Errorf("%d: %s", code, out)
	}
	if _, code := start(); code != 0 {
		t.Error("the second night failed")
	}
	failed := u["OnFailure"][0]
	mail := unit(r.read("etc/systemd/system/" + failed))["ExecStart"][0]
	if out, code := r.sh(place{dir: "/"}, mail); code != 0 || r.read("tmp/mailed") != "the end of the log\n" {
		t.Errorf("the mail: %d: %s", code, out)
	}
}

// The pod of the CronJob, with what the claim, the secret and the settings hold.
func TestScheduleKubernetes(t *testing.T) {
	r := emptyRoot(t)
	r.follow("kubernetes-cronjob.yaml")
	var claim, job map[string]any
	documents := strings.Split(r.read("work/kubernetes-cronjob.yaml"), "\n---\n")
	check(t, yaml.Unmarshal([]byte(documents[0]), &claim))
	check(t, yaml.Unmarshal([]byte(documents[1]), &job))
	at := func(v any, path ...any) any {
		t.Helper()
		for _, step := range path {
			switch step := step.(type) {
			case string:
				v = v.(map[string]any)[step]
			case int:
				v = v.([]any)[step]
			}
		}
		return v
	}
	pod := at(job, "spec", "jobTemplate", "spec", "template", "spec")
	container := at(pod, "containers", 0)
	if at(pod, "volumes", 0, "persistentVolumeClaim", "claimName") != at(claim, "metadata", "name") {
		t.Error("the claim is another one")
	}
	check(t, os.MkdirAll(filepath.Join(r.dir, "etc/octave-enrich"), 0o755)) //nolint:gosec // a read-only volume
	r.write("etc/octave-enrich/octave.yaml", r.read("cluster/config/octave.yaml"), 0o644)
	check(t, os.Rename(filepath.Join(r.dir, "cluster/claim"), filepath.Join(r.dir, "leads")))
	id := uint32(at(pod, "securityContext", "runAsUser").(uint64))
	check(t, os.Chown(filepath.Join(r.dir, "leads"), int(id), int(id))) // fsGroup
	var args []string
	for _, a := range at(container, "args").([]any) {
		args = append(args, fmt.Sprint(a))
	}
	inPod := place{uid: id, gid: id, dir: at(container, "workingDir").(string), env: []string{"OCTAVE_API_KEY=" + r.read("cluster/secret")}}
	line := "/work/octave-enrich " + strings.Join(args, " ")
	if out, code := r.sh(inPod, line); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	r.night("leads", 0)
	r.forget("leads")
	r.oneCall("etc/octave-enrich/octave.yaml")
	if out, code := r.sh(inPod, line); code != 0 {
		t.Errorf("after a budget: exit code %d: %s", code, out)
	}
	r.night("leads", 8)
}

func TestScheduleActions(t *testing.T) {
	r := emptyRoot(t)
	r.follow("github-actions.yml")
	steps := regexp.MustCompile(`(?m)^ +- run: (program/.*)$`).FindAllStringSubmatch(r.read("work/.github/workflows/leads.yml"), -1)
	if len(steps) != 1 {
		t.Fatalf("%d steps run the program", len(steps))
	}
	check(t, os.MkdirAll(filepath.Join(r.dir, "work/program/bin"), 0o755)) //nolint:gosec // a checkout
	check(t, os.Rename(filepath.Join(r.dir, "work", words.Tool), filepath.Join(r.dir, "work/program/bin", words.Tool)))
	at := place{dir: "/work", env: []string{"OCTAVE_API_KEY=" + r.read("tmp/secret")}}
	r.oneCall("work/octave.yaml")
	if out, code := r.sh(at, steps[0][1]); code != 0 {
		t.Fatalf("after a budget: exit code %d: %s", code, out)
	}
	r.night("work", 8)
}

// The command of --on-exit that the settings propose mails what went wrong, alone.
func TestScheduleOnExit(t *testing.T) {
	r := emptyRoot(t)
	command := regexp.MustCompile(`(?m)^# on-exit: "(.*)"$`).FindStringSubmatch(r.read("work/octave.yaml"))
	if command == nil {
		t.Fatal("no command")
	}
	for code, mails := range map[int]bool{0: false, 8: false, 10: false, 143: false, 3: true, 12: true} {
		check(t, os.RemoveAll(filepath.Join(r.dir, "tmp/mailed")))
		r.write("work/last-run.json", fmt.Sprintf(`{"exit_code": %d}`, code), 0o600)
		out, _ := r.sh(place{dir: "/work"}, "cat last-run.json | { "+command[1]+"; }")
		if _, err := os.Stat(filepath.Join(r.dir, "tmp/mailed")); (err == nil) != mails {
			t.Errorf("%d: mailed: %v; %s", code, err, out)
		}
	}
}
