package sandbox

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestFaultsByShare(t *testing.T) {
	faults := map[string]float64{"503": 0.2, "400": 0.1, "reset-after": 0.05}
	s := New(Config{Faults: faults})
	for i := range 4000 {
		post(t, s, question(i))
	}
	for kind, share := range faults {
		if got := float64(s.Ledger().Faults[kind]) / 4000; got < share*0.8 || got > share*1.2 {
			t.Errorf("%s: got a share of %v, want %v", kind, got, share)
		}
	}
}

// Which calls fail must depend on nothing but seed, question and the number of
// the ask: two runs that ask in another order meet the same faults.
func TestFaultsAreReproducible(t *testing.T) {
	outcomes := func(seed uint64, order func(int) int) map[int]string {
		s := New(Config{Faults: map[string]float64{"503": 0.3, "404": 0.2}, Seed: seed})
		seen := map[int]string{}
		for i := range 200 {
			n := order(i)
			for range 3 {
				status, _, _ := post(t, s, question(n))
				seen[n] += string(rune('A'+status/100)) + string(rune('0'+status%10))
			}
		}
		return seen
	}
	forward := func(i int) int { return i }
	backward := func(i int) int { return 199 - i }
	if !maps.Equal(outcomes(7, forward), outcomes(7, backward)) {
		t.Error("the order of asking changed the faults")
	}
	if maps.Equal(outcomes(7, forward), outcomes(8, forward)) {
		t.Error("the seed changes nothing")
	}
	twice := outcomes(7, forward)
	if !slices.ContainsFunc(slices.Collect(maps.Values(twice)), func(s string) bool { return s[:2] != s[2:4] }) {
		t.Error("asking again always meets the same fault")
	}
}

// A refused call is no turn: how fast a run asks must not move its faults.
func TestRefusedCallsTakeNoTurn(t *testing.T) {
	s := New(Config{Rate: 0.001, Burst: 1, Script: []string{"ok", "503"}})
	for range 5 {
		post(t, s, question(0))
	}
	if s.Ledger().Faults["503"] != 0 || s.Ledger().Refused != 4 {
		t.Errorf("got %+v", s.Ledger())
	}
}

func TestScriptComesFirst(t *testing.T) {
	s := New(Config{Script: []string{"503", ok, "404"}, Faults: map[string]float64{"500": 1}})
	var got []int
	for range 5 {
		status, _, _ := post(t, s, question(0))
		got = append(got, status)
	}
	if want := []int{503, 200, 404, 500, 500}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// asyncKinds change nothing about a synchronous call.
var asyncKinds = []string{"failed", "forgotten", "twice", "unordered"}

// billedKinds are the faults after the work was done.
var billedKinds = append([]string{"badtypes", "cut", "cut-json", "empty", "huge", "nomessages", "notext", "notjson", "nullable", "reset-after", "slow", "trickle"}, asyncKinds...)

func TestFaultsBillAsTheySay(t *testing.T) {
	for _, kind := range Kinds() {
		if strings.HasPrefix(kind, "hang") {
			continue
		}
		s := New(Config{Script: []string{kind}})
		post(t, s, question(0))
		l := s.Ledger()
		if billed := slices.Contains(billedKinds, kind) || strings.HasSuffix(kind, "-billed"); (l.Billed == 1) != billed {
			t.Errorf("%s: billed %d", kind, l.Billed)
		}
		delivered := slices.Contains(append([]string{"badtypes", "notfound", "nullable", "slow", "trickle"}, asyncKinds...), kind)
		if (l.Delivered == 1) != delivered {
			t.Errorf("%s: delivered %d", kind, l.Delivered)
		}
	}
}

func TestParseFaults(t *testing.T) {
	got, err := ParseFaults(" 503=0.05, reset-after = 2% ,")
	if want := map[string]float64{"503": 0.05, "reset-after": 0.02}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for text, says := range map[string]string{
		"503":             "not KIND=SHARE",
		"513=0.1":         `unknown fault "513" (one of 400, 401,`,
		"=0.1":            "unknown fault",
		"503=":            "not a share",
		"503=2":           "not a share",
		"503=-0.1":        "not a share",
		"503=NaN":         "not a share",
		"503=101%":        "not a share",
		"503=0.1,503=0.2": "twice",
		"503=0.6,500=0.5": "more than every call",
	} {
		if _, err := ParseFaults(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", text, err, says)
		}
	}
}

func TestParseScript(t *testing.T) {
	got, err := ParseScript("ok, 503*3 ,hang")
	if want := []string{"ok", "503", "503", "503", "hang"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for text, says := range map[string]string{"no": "unknown fault", "503*0": "number of calls", "503*x": "number of calls", "ok*99999999": "number of calls"} {
		if _, err := ParseScript(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", text, err, says)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("the zero value: %v", err)
	}
	for says, cfg := range map[string]Config{
		"unknown shape":    {Shape: "round"},
		"1 to 7":           {Messages: 8},
		"between 0 and 1":  {NotFound: 1.5},
		"negative":         {Rate: -1},
		"account fault":    {Account: "418"},
		"unknown fault":    {Script: []string{"x"}},
		"more than every":  {Faults: map[string]float64{"503": 1, "500": 1}},
		`unknown fault "y`: {Faults: map[string]float64{"y": 0}},
	} {
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: got %v, want %q", cfg, err, says)
		}
	}
}
