//go:build !linux

package durable

// MountPoint says no: single files are mounted on Linux.
func (OS) MountPoint(string) (bool, error) { return false, nil }
