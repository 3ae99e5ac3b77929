package octave

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestQuota(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for text, want := range map[string]Quota{
		"": {},
		`RateLimit-Policy: "default";q=100;w=60|RateLimit: "default";r=50;t=30`:                                                               {100, 50, 30 * time.Second, time.Minute},
		`RateLimit-Policy: "a";q=100;w=60, "b";q=9;w=1|RateLimit: "a";r=50;t=30`:                                                              {100, 50, 30 * time.Second, time.Minute},
		`RateLimit-Policy: "day";q=9000;w=86400, "a";q=9;w=6|RateLimit: "a";r=5;t=3`:                                                          {9, 5, 3 * time.Second, 6 * time.Second},
		`RateLimit-Policy: "day";q=9000;w=86400, "a";q=9;w=6|RateLimit: "a";r=5;t=3, "day";r=80;t=8000`:                                       {9000, 80, 8000 * time.Second, 24 * time.Hour},
		`RateLimit-Policy: "a";q=9;w=6|RateLimit: "b";r=5;t=3`:                                                                                {},
		`RateLimit: "default";r=50;t=30`:                                                                                                      {},
		`RateLimit-Policy: "a";q=100;w=60|RateLimit: "a";r=50`:                                                                                {100, 50, 30 * time.Second, time.Minute},
		`RateLimit-Policy: "a";q=100;w=60|RateLimit: "a";r=0`:                                                                                 {100, 0, 600 * time.Millisecond, time.Minute},
		`RateLimit-Policy: "a";q=100;w=60|RateLimit: "a";r=50;t=0`:                                                                            {},
		`RateLimit-Policy: "a";q=100|RateLimit: "a";r=50`:                                                                                     {},
		`RateLimit: limit=100, remaining=50, reset=30`:                                                                                        {100, 50, 30 * time.Second, 0},
		`RateLimit: limit=100, remaining=50, reset=30|RateLimit-Policy: 100;w=60`:                                                             {100, 50, 30 * time.Second, time.Minute},
		`RateLimit: limit=100, remaining=50`:                                                                                                  {},
		`RateLimit: limit=100, remaining=50, reset=30|X-RateLimit-Limit: 9|X-RateLimit-Remaining: 7|X-RateLimit-Reset: 6`:                     {},
		`X-Rate-Limit-Limit: 100|X-Rate-Limit-Remaining: 7|X-Rate-Limit-Reset: 6`:                                                             {100, 7, 6 * time.Second, 0},
		`RateLimit: "a";r=0;t=9, "b";r=5;t=3|RateLimit-Policy: "a";q=9;w=9, "b";q=9;w=9`:                                                      {9, 0, 9 * time.Second, 9 * time.Second},
		`RateLimit: "a";r=0;t=0, "b";r=5;t=3|RateLimit-Policy: "a";q=9;w=9, "b";q=9;w=9`:                                                      {9, 5, 3 * time.Second, 9 * time.Second},
		`RateLimit: "a";r=0;t=9, "b";r=5;t=3|RateLimit-Policy: "a";q=0;w=9, "b";q=9;w=9`:                                                      {9, 5, 3 * time.Second, 9 * time.Second},
		`RateLimit-Policy: "a";q=0;w=60|RateLimit: "a";r=50`:                                                                                  {},
		`X-RateLimit-Limit: 100|X-RateLimit-Remaining: 7|X-RateLimit-Reset: 6|RateLimit-Limit: 100|RateLimit-Remaining: 8|RateLimit-Reset: 6`: {},
		`X-RateLimit-Limit: 7|X-RateLimit-Remaining: 7|X-RateLimit-Reset: 86400`:                                                              {7, 7, 24 * time.Hour, 0},
		`RateLimit-Policy: "a";q=9;w=86400|RateLimit: "a";r=9;t=9`:                                                                            {9, 9, 9 * time.Second, 24 * time.Hour},
		`X-RateLimit-Limit: 100|X-RateLimit-Remaining: none|X-RateLimit-Reset: 6`:                                                             {},
		`RateLimit-Limit: 100|RateLimit-Remaining: 7|RateLimit-Reset: 6`:                                                                      {100, 7, 6 * time.Second, 0},
		`X-RateLimit-Limit: 100|X-RateLimit-Remaining: 0|X-RateLimit-Reset: 6`:                                                                {100, 0, 6 * time.Second, 0},
		`X-RateLimit-Limit: 100|X-RateLimit-Remaining: 7|X-RateLimit-Reset: 1800000012`:                                                       {100, 7, 12 * time.Second, 0},
		`X-RateLimit-Limit: 100|X-RateLimit-Remaining: 7|X-RateLimit-Reset: 1800000012000`:                                                    {100, 7, 12 * time.Second, 0},
		`X-RateLimit-Limit: 0|X-RateLimit-Remaining: 0|X-RateLimit-Reset: 6`:                                                                  {},
		`X-RateLimit-Limit: 100|X-RateLimit-Remaining: 101|X-RateLimit-Reset: 6`:                                                              {},
		`X-RateLimit-Limit: 100|X-RateLimit-Remaining: 7`:                                                                                     {},
		`X-RateLimit-Limit: many|X-RateLimit-Remaining: 7|X-RateLimit-Reset: 6`:                                                               {},
		`X-RateLimit-Limit: 100|X-RateLimit-Remaining: 7|X-RateLimit-Reset: 1700000000`:                                                       {},
		`X-RateLimit-Limit: 100|X-RateLimit-Remaining: 7|X-RateLimit-Reset: 6|RateLimit-Limit: 50|RateLimit-Remaining: 7|RateLimit-Reset: 6`:  {},
	} {
		h := http.Header{}
		for line := range strings.SplitSeq(text, "|") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				h.Set(name, value)
			}
		}
		if got := quota(h, now); got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}
