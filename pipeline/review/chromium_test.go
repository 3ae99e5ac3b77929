//go:build browser

package review_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// An engine is a headless browser, driven over its debugging pipe: NUL ends a message,
// and nothing listens on a port. All tests share one, for it takes its time to start.
type engine struct {
	in      *os.File
	mu      sync.Mutex
	id      int
	waiting map[int]chan message
	log     map[string][]string // by session: what the page wrote to the console, exceptions and dialogs
	dead    chan struct{}
}

// A chromium is the browser as one test has it: nothing is left there of other tests.
type chromium struct {
	*engine
	t        *testing.T
	context  string
	sessions []string // of its pages
	deaf     bool     // pages that are opened from now on hear nothing of others
}

type message struct {
	ID      int             `json:"id"`
	Method  string          `json:"method"`
	Session string          `json:"sessionId"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// theEngine is started by the first test.
var theEngine = sync.OnceValues(startEngine)

// runTests ends the browser when the tests are over.
func runTests(m *testing.M) int {
	code := m.Run()
	if e, err := theEngine(); err == nil {
		_, _ = e.send("", "Browser.close", nil)
		<-e.dead
	}
	return code
}

func startEngine() (*engine, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("no chromium; pipeline/report/testdata/browser.sh installs it")
	}
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		return nil, err
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
		"--disable-dev-shm-usage", "--hide-scrollbars", "--user-data-dir="+profile, "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	theirIn.Close()
	theirOut.Close()
	e := &engine{in: in, waiting: map[int]chan message{}, log: map[string][]string{}, dead: make(chan struct{})}
	go func() {
		defer close(e.dead)
		e.listen(out)
		_ = cmd.Wait()
		_ = os.RemoveAll(profile)
	}()
	return e, nil
}

func startChromium(t *testing.T) *chromium {
	t.Helper()
	e, err := theEngine()
	if err != nil {
		t.Fatal(err)
	}
	c := &chromium{engine: e, t: t}
	var made struct{ BrowserContextID string }
	c.result("", "Target.createBrowserContext", nil, &made)
	c.context = made.BrowserContextID
	t.Cleanup(func() {
		_, _ = e.send("", "Target.disposeBrowserContext", map[string]any{"browserContextId": c.context})
	})
	return c
}

func (e *engine) listen(out *os.File) {
	r := bufio.NewReaderSize(out, 1<<20)
	for {
		raw, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(raw[:len(raw)-1], &m) != nil {
			continue
		}
		e.mu.Lock()
		if ch := e.waiting[m.ID]; m.ID != 0 && ch != nil {
			delete(e.waiting, m.ID)
			ch <- m
		}
		switch m.Method {
		case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening", "Log.entryAdded":
			e.log[m.Session] = append(e.log[m.Session], m.Method+" "+string(m.Params))
		}
		e.mu.Unlock()
		if m.Method == "Page.javascriptDialogOpening" {
			go e.send(m.Session, "Page.handleJavaScriptDialog", map[string]any{"accept": true})
		}
	}
}

func (e *engine) send(session, method string, params any) (message, error) {
	e.mu.Lock()
	e.id++
	id, ch := e.id, make(chan message, 1)
	e.waiting[id] = ch
	e.mu.Unlock()
	raw, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": session})
	if session == "" {
		raw, err = json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	}
	if err != nil {
		return message{}, err
	}
	if _, err := e.in.Write(append(raw, 0)); err != nil {
		return message{}, err
	}
	select {
	case m := <-ch:
		if m.Error != nil {
			return m, fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		return m, nil
	case <-e.dead:
		return message{}, fmt.Errorf("%s: the browser is gone", method)
	}
}

// complaints are what pages said, without what the tests provoke on purpose.
func (c *chromium) complaints(but ...string) (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, session := range c.sessions {
		all = append(all, c.log[session]...)
	}
next:
	for _, line := range all {
		for _, known := range but {
			if strings.Contains(line, known) {
				continue next
			}
		}
		list = append(list, line)
	}
	return list
}

// A tab is one page.
type tab struct {
	*chromium
	session string
}

func (c *chromium) open(url string, width, height int) *tab {
	c.t.Helper()
	var target struct{ TargetID, SessionID string }
	c.result("", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": c.context}, &target)
	c.result("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target)
	p := &tab{c, target.SessionID}
	c.sessions = append(c.sessions, p.session)
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		p.call(domain+".enable", nil)
	}
	if c.deaf {
		p.call("Network.setBlockedURLs", map[string]any{"urls": []string{"*/events?*"}})
	}
	p.size(width, height)
	p.call("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}) // beside other tabs, too
	p.call("Page.navigate", map[string]any{"url": url})
	p.wait(`document.documentElement?.dataset.ready === "true"`)
	return p
}

func (c *chromium) result(session, method string, params, into any) {
	c.t.Helper()
	m, err := c.send(session, method, params)
	if err == nil && into != nil {
		err = json.Unmarshal(m.Result, into)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (p *tab) call(method string, params any) { p.t.Helper(); p.result(p.session, method, params, nil) }

func (p *tab) size(width, height int) {
	p.t.Helper()
	p.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
}

func (p *tab) scheme(name string) {
	p.t.Helper()
	p.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{
		{"name": "prefers-color-scheme", "value": name}, {"name": "prefers-reduced-motion", "value": "reduce"}}}) // no colours in between
}

// eval returns the value of an expression.
func (p *tab) eval(expression string) any {
	p.t.Helper()
	var answer struct {
		Result           struct{ Value any }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	p.result(p.session, "Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &answer)
	if answer.ExceptionDetails != nil {
		p.t.Fatalf("%s: %s", expression, answer.ExceptionDetails.Exception.Description)
	}
	return answer.Result.Value
}

// patience is how long a page may take for anything before the test fails.
const patience = 30 * time.Second

// wait waits for the page to come to what is expected of it.
func (p *tab) wait(condition string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for p.eval("Boolean("+condition+")") != true {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			p.t.Fatalf("never came: %s\n%v\n%s", condition, p.eval("document.body.innerText.slice(0, 1500)"), strings.Join(p.complaints(), "\n"))
		}
	}
}

// press presses and releases one key, as a person does.
func (p *tab) press(key string) { p.t.Helper(); p.chord(key, 0) }

// control is the modifier of a chord.
const control = 2

func (p *tab) chord(key string, modifiers int) {
	p.t.Helper()
	event := map[string]any{"type": "keyDown", "key": key, "modifiers": modifiers}
	if len(key) == 1 {
		event["text"] = key
	}
	switch key {
	case "Enter":
		event["windowsVirtualKeyCode"], event["text"] = 13, "\r"
	case "Escape":
		event["windowsVirtualKeyCode"] = 27
	}
	p.call("Input.dispatchKeyEvent", event)
	p.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "modifiers": modifiers})
}

// write types a text where the focus is.
func (p *tab) write(text string) {
	p.t.Helper()
	p.call("Input.insertText", map[string]any{"text": text})
}

// shot keeps a picture when somebody wants to look: BROWSER_SHOTS names a folder.
func (p *tab) shot(name string) {
	p.t.Helper()
	dir := os.Getenv("BROWSER_SHOTS")
	if dir == "" {
		return
	}
	var picture struct{ Data string }
	p.result(p.session, "Page.captureScreenshot", map[string]any{"format": "png"}, &picture)
	raw, err := base64.StdEncoding.DecodeString(picture.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), raw, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}
