package octave

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

// maxDecimal is the longest spelling, in bytes, that is taken for an amount.
const maxDecimal = 64

// Decimal is a number as the service spelled it, such as 1, 0.5 or 1e2; "" is
// a number that was not said. Amounts of credits are summed from it exactly,
// which a float64 could not do.
type Decimal string

// UnmarshalJSON takes a number, or a string that holds one. Anything else is
// "not said" and no error: an odd amount must not cost the answer around it.
func (d *Decimal) UnmarshalJSON(b []byte) error {
	*d = value(b).decimal()
	return nil
}

// MarshalJSON gives the number back as it was spelled, or null.
func (d Decimal) MarshalJSON() ([]byte, error) {
	if d == "" {
		return []byte("null"), nil
	}
	return []byte(d), nil
}

// Rat returns the number exactly, for summing. It reports false for a number
// that was not said and for one that no amount can be: with an exponent beyond
// ±99, for 1e999999999 would need gigabytes.
func (d Decimal) Rat() (*big.Rat, bool) {
	if len(d) > maxDecimal || !isNumber(string(d)) {
		return nil, false
	}
	if i := strings.IndexAny(string(d), "eE"); i >= 0 {
		if e, err := strconv.Atoi(string(d[i+1:])); err != nil || e < -99 || e > 99 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(string(d))
}

// isNumber says whether s is a JSON number.
func isNumber(s string) bool {
	return s != "" && (s[0] == '-' || '0' <= s[0] && s[0] <= '9') && json.Valid([]byte(s)) && strings.TrimSpace(s) == s
}
