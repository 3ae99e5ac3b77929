package options

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/time/rate"

	"octave-enrich/pipeline"
	"octave-enrich/reader"
)

func TestDays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "30s": 30 * time.Second, "10m": 10 * time.Minute, "1h0m20s": time.Hour + 20*time.Second, "3m": 3 * time.Minute, "1.5h": 90 * time.Minute, "90d": 90 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "0.5d": 12 * time.Hour, "0": 0,
	} {
		var d Days
		if err := d.Set(text); err != nil || time.Duration(d) != want {
			t.Errorf("%s: %v, %v", text, time.Duration(d), err)
		}
		var again Days
		if err := again.Set(d.String()); err != nil || again != d {
			t.Errorf("%s is printed as %s", text, d.String())
		}
	}
	for _, text := range []string{"", "5", "d", "-1d", "-3s", "1y", "soon"} {
		if d := Days(time.Hour); d.Set(text) == nil || d != Days(time.Hour) {
			t.Errorf("%q is taken for %v", text, time.Duration(d))
		}
	}
	for d, want := range map[time.Duration]string{30 * time.Second: "30s", 3 * time.Minute: "3m", 10 * time.Hour: "10h", 90 * time.Second: "1m30s"} {
		if got := (*Days)(&d).String(); got != want {
			t.Errorf("%v is printed as %s", d, got)
		}
	}
	var off DaysOrOff = 5
	if err := off.Set("off"); err != nil || off != 0 || off.String() != "off" {
		t.Errorf("off: %v, %v", off, err)
	}
}

// A bound of none and a bound of 0 are two things.
func TestBound(t *testing.T) {
	var b Budget
	if of, err := b.Budgets(); err != nil || of.HasCalls || of.HasUsage {
		t.Errorf("nothing given: %+v, %v", of, err)
	}
	b.MaxUsage = "0"
	if err := b.MaxCalls.Set("0"); err != nil {
		t.Fatal(err)
	}
	if of, err := b.Budgets(); err != nil || !of.HasCalls || of.MaxCalls != 0 || !of.HasUsage {
		t.Errorf("0 given: %+v, %v", of, err)
	}
	if b.MaxCalls.Set("-1") == nil || b.MaxCalls.Set("x") == nil {
		t.Error("-1 and x are taken for numbers of calls")
	}
}

// A number is read as people write it, in no other base and without signs between.
func TestNumber(t *testing.T) {
	for text, want := range map[string]int{"010": 10, "8": 8, "-1": -1, "+5": 5} {
		var n number
		if err := n.Set(text); err != nil || int(n) != want {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "0x10", "1_000", "1,000", "1e3", " 5", "99999999999999999999"} {
		if n := number(7); n.Set(text) == nil || n != 7 {
			t.Errorf("%q is taken for %d", text, n)
		}
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]rate.Limit{"5/s": 5, "5": 5, "120/m": 2, "3600/h": 1, "0": rate.Inf, "0/s": rate.Inf, "none": rate.Inf, "0.5/s": 0.5} {
		if got, err := (&Pace{Rate: text}).Limit(); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "fast", "-1/s", "5/d", "NaN", "1e10", "5/s/s"} {
		if got, err := (&Pace{Rate: text}).Limit(); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

func TestThreshold(t *testing.T) {
	for text, want := range map[string]pipeline.Threshold{"": {}, "0": {Set: true}, "7": {Set: true, Rows: 7}, "5%": {Set: true, Percent: 5}, "0.5%": {Set: true, Percent: 0.5}} {
		if got, err := (&Budget{MaxFailed: text}).Threshold(); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1", "0%", "101%", "x", "NaN%", "1.5"} {
		if got, err := (&Budget{MaxFailed: text}).Threshold(); err == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

// Where rows and answers go, when nobody says so.
func TestPlaces(t *testing.T) {
	today := time.Now().Format(time.DateOnly)
	for _, tt := range []struct {
		inputs     []string
		set        func(*Options)
		output, cp string
	}{
		{[]string{"people.csv"}, nil, "people.enriched.csv", "people.enriched.csv.checkpoint"},
		{[]string{"a/people.CSV.gz"}, nil, "a/people.enriched.CSV.gz", "a/people.enriched.CSV.gz.checkpoint"},
		{[]string{"people.zip"}, nil, "people.enriched.csv", "people.enriched.csv.checkpoint"},
		{[]string{"people.v2"}, nil, "people.v2.enriched.csv", "people.v2.enriched.csv.checkpoint"},
		{[]string{"people.csv"}, func(o *Options) { o.Output.Format = "jsonl" }, "people.enriched.jsonl", "people.enriched.jsonl.checkpoint"},
		{[]string{"people.csv"}, func(o *Options) { o.Output.Path = "out.csv" }, "out.csv", "out.csv.checkpoint"},
		{[]string{"people.csv"}, func(o *Options) { o.Output.Path, o.Output.Checkpoint = "-", "c" }, "-", "c"},
		{[]string{"people.csv"}, func(o *Options) { o.Output.Preset = "lemlist" }, "people.enriched.csv", "people.enriched.csv.checkpoint"},
		{[]string{"people.csv"}, func(o *Options) { o.Output.Preset, o.NeverCalls = "outreach:10", true }, "people.outreach.csv", "people.outreach.csv.checkpoint"},
		{[]string{"a.csv", "b.csv"}, func(o *Options) { o.Output.Path = "{date}.csv" }, today + ".csv", "all.csv.checkpoint"},
		{[]string{"a.csv", "b.csv"}, nil, "", ""},
		{[]string{"*.csv"}, nil, "", ""},
		{[]string{".."}, nil, "", ""},
		{[]string{"people.csv"}, func(o *Options) { o.Output.Path = "-" }, "", ""},
		{[]string{"people.csv"}, func(o *Options) { o.Output.Path = "{date}/out.csv" }, "", ""},
	} {
		o := &Options{Output: Output{Preset: "generic"}}
		if tt.set != nil {
			tt.set(o)
		}
		got, err := o.Places(tt.inputs)
		if tt.cp == "" && err == nil || tt.cp != "" && (err != nil || got != Places{tt.output, tt.cp}) {
			t.Errorf("%v %+v: %+v, %v", tt.inputs, o.Output, got, err)
		}
	}
}

// Naming a kind of rows adds to what is left out anyway; none takes the defaults back.
func TestSkips(t *testing.T) {
	for _, tt := range []struct {
		skip   []string
		preset string
		never  bool
		want   string
	}{
		{nil, "generic", false, "optout"},
		{nil, "smartlead", false, "optout unsendable"},
		{nil, "smartlead", true, "optout"},
		{[]string{"failed"}, "generic", false, "failed optout"},
		{[]string{"none"}, "smartlead", false, ""},
		{[]string{"none", "duplicate"}, "smartlead", false, "duplicate none"},
	} {
		o := &Options{Output: Output{Preset: tt.preset}, NeverCalls: tt.never}
		o.List.Skip = tt.skip
		kinds, err := o.Skips()
		maps.DeleteFunc(kinds, func(_ string, left bool) bool { return !left })
		got := strings.TrimPrefix(strings.Join(slices.Sorted(maps.Keys(kinds)), " "), "none")
		if err != nil || got != tt.want {
			t.Errorf("%v with %s: %q, %v, want %q", tt.skip, tt.preset, got, err, tt.want)
		}
	}
	o := &Options{}
	o.List.Skip = []string{"duplicates"}
	if _, err := o.Skips(); err == nil || !strings.Contains(err.Error(), `did you mean "duplicate"`) {
		t.Errorf("duplicates: %v", err)
	}
}

func TestWhyNot(t *testing.T) {
	all := map[string]bool{SkipOptOut: true, SkipUnsendable: true}
	out := reader.Contact{OptOut: "Unsubscribed", Person: reader.Person{Email: "ann@example.com"}}
	for _, tt := range []struct {
		skip    map[string]bool
		contact reader.Contact
		want    string
	}{
		{all, out, "opted out: column Unsubscribed"},
		{nil, out, ""},
		{all, reader.Contact{}, "no email address"},
		{map[string]bool{SkipOptOut: true}, reader.Contact{}, ""},
	} {
		if got := whyNot(tt.skip, nil, tt.contact); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.skip, got, tt.want)
		}
	}
}

// What surrounds a key in files made for something else is refused, and never shown.
func TestReadKey(t *testing.T) {
	if key, err := readKey("it", "abc=="); err != nil || string(key) != "abc==" {
		t.Errorf("a key that ends in =: %v", err)
	}
	for _, text := range []string{"", "o\x00k\x00", "one\ntwo", "KEY=abc", "export KEY = abc", `"abc"`, "'abc", "abc`"} {
		if key, err := readKey("it", text); err == nil || strings.Contains(err.Error(), "abc") {
			t.Errorf("%q: %q, %v", text, string(key), err)
		}
	}
}

func TestMisspelt(t *testing.T) {
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(Options).Flags(fs)
	for pair, meant := range map[string]string{
		"OCTAVE_MAX_USAGES=3": "OCTAVE_MAX_USAGE", "OCTAVE_RAET=5/s": "OCTAVE_RATE",
		"OCTAVE_RATE=5/s": "", "OCTAVE_API_KEY=x": "", "OCTAVE_PORT=80": "", "OCTAVE_HOME=/opt": "", "OCTAVE_SOMETHING_ELSE=1": "", "OCTAVE_RAET=": "", "PATH=/bin": "",
	} {
		err := Misspelt([]string{pair}, fs)
		if (err != nil) != (meant != "") || err != nil && !strings.Contains(err.Error(), "mean "+meant+"?") {
			t.Errorf("%s: %v, want %q", pair, err, meant)
		}
	}
}

func TestWithoutSecrets(t *testing.T) {
	got := WithoutSecrets([]string{"PATH=/bin", "OCTAVE_API_KEY=k", "octave_fleet=postgres://", "PGPASSWORD=p", "OCTAVE_RATE=5/s"})
	if want := []string{"PATH=/bin", "OCTAVE_RATE=5/s"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The settings of an earlier run become those of a command as if somebody had typed them.
func TestTake(t *testing.T) {
	o := &Options{}
	o.Question = Question{Agent: "ca_1", Set: []string{"lang=de"}, Templates: []string{"jobTitle={{.Title}}"}, Context: []string{"Notes"}}
	o.List.Maps = []string{"email=Mail", "email=Mail 2"}
	was, err := o.Settings()
	if err != nil {
		t.Fatal(err)
	}
	other := &Options{}
	other.Take(pipeline.RunBody{Settings: was, Skip: []string{"duplicate"}})
	is, err := other.Settings()
	if err != nil || is.Fingerprint() != was.Fingerprint() || !slices.Equal(other.List.Skip, []string{"duplicate"}) {
		t.Errorf("%+v, %v, want %+v", is, err, was)
	}
	o.Question.Set = append(o.Question.Set, "lang=fr")
	if _, err := o.Settings(); err == nil {
		t.Error("a field that is set twice is taken")
	}
}
