package octave_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

var ann = octave.Request{Email: "ann@example.com", FirstName: "Ann", LastName: "Lee", JobTitle: "Head of Sales", CompanyName: "Example Ltd"}

func sample(tb testing.TB, messages int, shape string) []byte {
	tb.Helper()
	srv := sandbox.New(sandbox.Config{Messages: messages, Shape: shape})
	req := httptest.NewRequest(http.MethodPost, "/api/v2/agents/sequence/run", strings.NewReader(string(ann.Canonical())))
	req.Header.Set("api_key", "k")
	rec := httptest.NewRecorder()
	srv.ServeHTTP(rec, req)
	return rec.Body.Bytes()
}

// BenchmarkDecode checks and reads an answer in one pass; encoding/json alone checks it in one, and reads
// it into maps in another.
func BenchmarkDecode(b *testing.B) {
	for _, c := range []struct {
		name, shape string
		n           int
	}{{"2.5KB/email", "email", 2}, {"2.5KB/sections", "sections", 2}, {"5KB/email", "email", 6}, {"5KB/sections", "sections", 5}} {
		raw := sample(b, c.n, c.shape)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := octave.Decode(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/encoding-json", func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				var answer map[string]any
				if err := json.Unmarshal(raw, &answer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCanonical spells a request, which is done for every row of a list, beside
// encoding/json with as many fields.
func BenchmarkCanonical(b *testing.B) {
	b.Run("own", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ann.Canonical()
		}
	})
	fields := map[string]string{"email": ann.Email, "firstName": ann.FirstName, "lastName": ann.LastName, "jobTitle": ann.JobTitle, "companyName": ann.CompanyName}
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(fields); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRun against BenchmarkBare shows what the client costs beyond a bare
// POST whose body is read: both against the same canned answer.
func BenchmarkRun(b *testing.B) {
	srv := canned(b)
	client, err := octave.NewClient(octave.Config{BaseURL: srv.URL, Key: "k"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Run(context.Background(), ann); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBare(b *testing.B) {
	srv := canned(b)
	body := string(ann.Canonical())
	b.ReportAllocs()
	for b.Loop() {
		resp, err := http.Post(srv.URL, "application/json", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}

func canned(b *testing.B) *httptest.Server {
	raw := sample(b, 5, "email")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(raw)
	}))
	b.Cleanup(srv.Close)
	return srv
}
