package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

// looked asks what costs nothing, and reads the answer into v.
func looked(t *testing.T, s *Server, path string, v any) {
	t.Helper()
	status, _, body := ask(t, s, "GET", path, "k", "")
	if err := json.Unmarshal([]byte(body), v); status != 200 || err != nil {
		t.Fatalf("%s: %d %s: %v", path, status, body, err)
	}
}

func TestCreditsOfTheAccount(t *testing.T) {
	for stock, most := range map[float64]float64{10: 10, 0: unlimited + 0.5} {
		s := New(Config{Credits: stock, Cost: 0.5})
		post(t, s, question(0))
		var got struct{ Credits map[string]any }
		looked(t, s, "/api/v2/api-key/validate", &got)
		want := map[string]any{"totalUsed": 0.5, "totalRemaining": most - 0.5, "totalMax": most, "quotaUsed": 0.5,
			"quotaAvailable": most - 0.5, "quotaMax": most, "period": "MONTHLY", "creditsUsed": 0.5, "creditsAvailable": most - 0.5}
		if fmt.Sprint(got.Credits) != fmt.Sprint(want) {
			t.Errorf("of %v: got %v, want %v", stock, got.Credits, want)
		}
		if n := s.Ledger().Looked; n != 1 {
			t.Errorf("looked %d times", n)
		}
	}
}

func TestAgentsByPages(t *testing.T) {
	s := New(Config{})
	for query, want := range map[string]struct {
		total, rows int
		more        bool
		last        string
		steps       int
	}{
		"":                                  {12, 10, true, "ca_sandbox10", 3},
		"limit=3":                           {12, 3, true, "ca_sandbox3", 3},
		"limit=2&offset=10":                 {12, 2, false, "ca_sandbox12", 3},
		"limit=x&offset=-1":                 {12, 10, true, "ca_sandbox10", 3},
		"limit=7&offset=0":                  {12, 7, true, "ca_sandbox7", 7},
		"includeExperiments=true&offset=9":  {13, 4, false, "ae_sandbox1", 2},
		"type=EMAIL&offset=11":              {12, 1, false, "ca_sandbox12", 3},
		"type=LINKEDIN":                     {0, 0, false, "", 0},
		"offset=20":                         {12, 0, false, "", 0},
		"includeExperiments=true&limit=200": {13, 13, false, "ae_sandbox1", 2},
	} {
		var got struct {
			HasNext bool
			Total   int
			Data    []agent
		}
		looked(t, s, "/api/v2/agents/list?"+query, &got)
		last := append([]agent{{}}, got.Data...)[len(got.Data)]
		if got.Total != want.total || len(got.Data) != want.rows || got.HasNext != want.more || last.OID != want.last || len(last.Steps) != want.steps {
			t.Errorf("%s: %d of %d, more: %v, the last %+v", query, len(got.Data), got.Total, got.HasNext, last)
		}
	}
	var one struct{ Data agent }
	if looked(t, s, "/api/v2/agents/get?oId=ca_sandbox9", &one); one.Data.Name != "Event invitation" {
		t.Errorf("one: %+v", one.Data)
	}
	if status, _, _ := ask(t, s, "GET", "/api/v2/agents/get?oId=ca_sandbox13", "k", ""); status != 404 {
		t.Errorf("one that there is not: %d", status)
	}
	if steps := s.workspace[1].Steps; !slices.Equal(steps, []string{"Email 1", "Email 2"}) {
		t.Errorf("steps %v", steps)
	}
}
