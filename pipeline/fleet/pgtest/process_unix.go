//go:build unix

package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// command is a program in a process group of its own. The server
// refuses to run as root, who becomes somebody else for it.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(s.program(name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid, gid, ok := somebody(); ok {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return cmd
}

func kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // it may have ended

// alive says whether the server has not ended by itself.
func alive(cmd *exec.Cmd) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

// giveAway makes a folder or file that of the user whom the server runs as.
func giveAway(path string) error {
	uid, gid, ok := somebody()
	if !ok {
		return nil
	}
	return os.Chown(path, int(uid), int(gid))
}

// somebody is whom root becomes.
func somebody() (uid, gid uint32, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return 65534, 65534, true
	}
	id, _ := strconv.ParseUint(u.Uid, 10, 32)
	group, _ := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(id), uint32(group), true
}
