package pipeline

// A Threshold is a number of failed rows, or a share of the rows asked so far.
type Threshold struct {
	Rows    int     // more than so many; used when Set and Percent is 0
	Percent float64 // more than this share, judged once 20 rows were asked
	Set     bool
}

const thresholdSample = 20

func (t Threshold) exceeded(failed, asked int64) bool {
	switch {
	case !t.Set:
		return false
	case t.Percent > 0:
		return asked >= thresholdSample && float64(failed)*100 > t.Percent*float64(asked)
	}
	return failed > int64(t.Rows)
}
