//go:build !browser

package review_test

import "testing"

// runTests needs no browser here.
func runTests(m *testing.M) int { return m.Run() }
