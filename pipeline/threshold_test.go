package pipeline

import "testing"

// More than so many rows, or more than a share of those asked, which is judged once 20 were.
func TestThreshold(t *testing.T) {
	for _, tc := range []struct {
		threshold     Threshold
		failed, asked int64
		want          bool
	}{
		{Threshold{}, 100, 100, false},
		{Threshold{Set: true}, 0, 5, false},
		{Threshold{Set: true}, 1, 5, true},
		{Threshold{Set: true, Rows: 5}, 5, 5, false},
		{Threshold{Set: true, Rows: 5}, 6, 600, true},
		{Threshold{Set: true, Percent: 50}, 19, 19, false},
		{Threshold{Set: true, Percent: 50}, 11, 20, true},
		{Threshold{Set: true, Percent: 50}, 10, 20, false},
		{Threshold{Set: true, Percent: 2.5}, 25, 1000, false},
		{Threshold{Set: true, Percent: 2.5}, 26, 1000, true},
	} {
		if got := tc.threshold.exceeded(tc.failed, tc.asked); got != tc.want {
			t.Errorf("%+v: %d of %d: %v", tc.threshold, tc.failed, tc.asked, got)
		}
	}
}
