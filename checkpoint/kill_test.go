package checkpoint

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// victim is the environment variable that makes the test binary a process which
// appends to the checkpoint it names until it is killed.
const victim = "CHECKPOINT_TEST_VICTIM"

func TestMain(m *testing.M) {
	if path := os.Getenv(victim); path != "" {
		appendForEver(path)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// appendForEver says on standard output which answers are confirmed.
func appendForEver(path string) {
	j, err := Open(path, testOptions(nil))
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				k := Key{0: 1}
				putSum(k[8:], fmt.Append(nil, rand.Uint64()))
				body := fmt.Sprintf(`{"key":"%v","pad":"%0*d"}`, k, rand.IntN(20000), 0)
				err := j.Note(Record{Type: Asked, Key: k})
				if err == nil {
					err = j.Append(Record{Type: Answered, Key: k, Body: []byte(body)})
				}
				if err != nil {
					fmt.Println("error", err)
					return
				}
				fmt.Println(k)
			}
		})
	}
	wg.Wait()
}

// A killed process loses nothing of what it said was confirmed.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c")
	confirmed := make(map[string]bool)
	for range 15 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victim+"="+path)
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for kill := rand.IntN(200); lines.Scan(); kill-- {
			if strings.HasPrefix(lines.Text(), "error") {
				t.Error(lines.Text())
			}
			confirmed[lines.Text()] = true
			if kill == 0 {
				must(t, cmd.Process.Kill())
			}
		}
		cmd.Wait() // it was killed
		verified(t, path, nil)
	}
	j := open(t, path, testOptions(nil))
	defer j.Close()
	for text := range confirmed {
		var k Key
		must(t, k.UnmarshalText([]byte(text)))
		if got, ok, err := j.Answer(k); !ok || err != nil || !strings.Contains(string(got.Body), text) {
			t.Fatalf("answer %s = %.60s, %v, %v", text, got.Body, ok, err)
		}
	}
	t.Logf("%d confirmed answers, %d in the file", len(confirmed), j.Len())
}
