package pipeline

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"octave-enrich/octave"
)

// An Amount is an exact sum of usage, most likely credits. The zero value is 0.
type Amount struct{ rat *big.Rat }

// ParseAmount reads a number as a person or the service spells it.
func ParseAmount(s string) (Amount, error) {
	rat, ok := octave.Decimal(s).Rat()
	if !ok {
		return Amount{}, fmt.Errorf("%.40q is not an amount", s)
	}
	return Amount{rat}, nil
}

// Plus adds what an answer reported; a number that was not said is 0.
func (a Amount) Plus(d octave.Decimal) Amount {
	rat, ok := d.Rat()
	if !ok {
		return a
	}
	return a.add(Amount{rat})
}

// add returns the sum.
func (a Amount) add(b Amount) Amount {
	return Amount{new(big.Rat).Add(a.value(), b.value())}
}

// Sub returns the difference.
func (a Amount) Sub(b Amount) Amount {
	return Amount{new(big.Rat).Sub(a.value(), b.value())}
}

// Mul returns a taken n times.
func (a Amount) Mul(n int) Amount {
	return Amount{new(big.Rat).Mul(a.value(), new(big.Rat).SetInt64(int64(n)))}
}

// Div returns the n-th part of a, 0 when n is 0.
func (a Amount) Div(n int) Amount {
	if n == 0 {
		return Amount{}
	}
	return Amount{new(big.Rat).Quo(a.value(), new(big.Rat).SetInt64(int64(n)))}
}

// fits says how often b goes into a, which is not below 0: one less than the largest int when that is more than an
// int holds, or b is 0.
func (a Amount) fits(b Amount) int {
	if b.value().Sign() <= 0 {
		return math.MaxInt - 1
	}
	times := new(big.Rat).Quo(a.value(), b.value())
	whole := new(big.Int).Div(times.Num(), times.Denom())
	if !whole.IsInt64() {
		return math.MaxInt - 1
	}
	return int(min(whole.Int64(), math.MaxInt-1))
}

// Max is the larger of the two.
func (a Amount) Max(b Amount) Amount {
	if b.Cmp(a) > 0 {
		return b
	}
	return a
}

// Cmp compares as usual: -1, 0, 1.
func (a Amount) Cmp(b Amount) int { return a.value().Cmp(b.value()) }

// String spells the amount without trailing zeros, to six places at most.
func (a Amount) String() string {
	s := a.value().FloatString(6)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// MarshalJSON spells it as a number.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

func (a Amount) value() *big.Rat {
	if a.rat == nil {
		return new(big.Rat)
	}
	return a.rat
}
