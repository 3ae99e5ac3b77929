//go:build !unix

package pgtest

import (
	"os/exec"
)

func (s *Server) command(name string, args ...string) *exec.Cmd {
	return exec.Command(s.program(name), args...)
}

func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() } // it may have ended

func alive(*exec.Cmd) bool { return true }

func giveAway(string) error { return nil }
