package options

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// A Bound is a number that need not be given, or is empty in a file of settings; 0 is one.
type Bound struct {
	n   int
	set bool
}

// String implements pflag.Value.
func (b *Bound) String() string {
	if !b.set {
		return ""
	}
	return strconv.Itoa(b.n)
}

// Type implements pflag.Value.
func (b *Bound) Type() string { return "N" }

// Set implements pflag.Value.
func (b *Bound) Set(s string) error {
	if s == "" {
		*b = Bound{}
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return fmt.Errorf("write a number, 0 or more")
	}
	b.n, b.set = n, true
	return nil
}

// A number is a whole one as people write it: 010 is ten.
type number int

// numberFlag registers one.
func numberFlag(fs *pflag.FlagSet, n *int, name string, otherwise int, usage string) {
	*n = otherwise
	fs.Var((*number)(n), name, usage)
}

// String implements pflag.Value.
func (n *number) String() string { return strconv.Itoa(int(*n)) }

// Type implements pflag.Value.
func (n *number) Type() string { return "int" }

// Set implements pflag.Value.
func (n *number) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err == nil {
		*n = number(v)
	}
	return err
}

// A size is a number of contacts that need not be given, or is empty in a file of
// settings. 0 is none: it could be meant as all or as nobody, and all are paid for.
type size int

// String implements pflag.Value.
func (n *size) String() string {
	if *n == 0 {
		return ""
	}
	return strconv.Itoa(int(*n))
}

// Type implements pflag.Value.
func (n *size) Type() string { return "N" }

// Set implements pflag.Value.
func (n *size) Set(s string) error {
	if s == "" {
		*n = 0
		return nil
	}
	v, err := strconv.Atoi(s)
	switch {
	case err != nil || v < 0:
		return fmt.Errorf("write a number of contacts, 1 or more")
	case v == 0:
		return fmt.Errorf("write a number of contacts, 1 or more; leave it out to ask all, and write --max-calls 0 to ask nobody")
	}
	*n = size(v)
	return nil
}

// Days is a duration that also takes days and weeks: 90d, 2w.
type Days time.Duration

// String implements pflag.Value.
func (d *Days) String() string {
	s := time.Duration(*d).String()
	if s == "0s" {
		return "0"
	}
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Type implements pflag.Value.
func (d *Days) Type() string { return "D" }

// DaysOrOff is a duration, or off: 0.
type DaysOrOff Days

// String implements pflag.Value.
func (d *DaysOrOff) String() string {
	if *d == 0 {
		return "off"
	}
	return (*Days)(d).String()
}

// Type implements pflag.Value.
func (d *DaysOrOff) Type() string { return "D" }

// Set implements pflag.Value.
func (d *DaysOrOff) Set(s string) error {
	if s == "off" {
		*d = 0
		return nil
	}
	return (*Days)(d).Set(s)
}

// Set implements pflag.Value.
func (d *Days) Set(s string) error {
	parsed, err := time.ParseDuration(s)
	if err != nil && len(s) > 1 {
		unit := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[s[len(s)-1]]
		n, numErr := strconv.ParseFloat(s[:len(s)-1], 64)
		if unit > 0 && numErr == nil {
			parsed, err = time.Duration(n*float64(unit)), nil
		}
	}
	if s == "0" {
		parsed, err = 0, nil
	}
	if err != nil || parsed < 0 {
		return fmt.Errorf("write a duration such as 90s, 3m, 2h, 90d")
	}
	*d = Days(parsed)
	return nil
}
