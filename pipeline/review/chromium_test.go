//go:build browser

package review_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A chromium is a headless browser, driven over its debugging pipe: NUL ends a
// message, and nothing listens on a port.
type chromium struct {
	t       *testing.T
	in      *os.File
	mu      sync.Mutex
	id      int
	waiting map[int]chan message
	log     []string // what pages wrote to the console, exceptions and dialogs
	dead    chan struct{}
	deaf    bool // pages that are opened from now on hear nothing of others
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

func startChromium(t *testing.T) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("no chromium; pipeline/report/testdata/browser.sh installs it")
	}
	profile, err := os.MkdirTemp("", "chromium") //nolint:usetesting // its helpers outlive the test by a moment
	if err != nil {
		t.Fatal(err)
	}
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
		"--disable-dev-shm-usage", "--hide-scrollbars", "--user-data-dir="+profile, "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	c := &chromium{t: t, in: in, waiting: map[int]chan message{}, dead: make(chan struct{})}
	go c.listen(out)
	t.Cleanup(func() {
		_, _ = c.send("", "Browser.close", nil)
		_ = cmd.Wait()
		in.Close()
		out.Close()
		_ = os.RemoveAll(profile)
	})
	return c
}

func (c *chromium) listen(out *os.File) {
	defer close(c.dead)
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
		c.mu.Lock()
		if ch := c.waiting[m.ID]; m.ID != 0 && ch != nil {
			delete(c.waiting, m.ID)
			ch <- m
		}
		switch m.Method {
		case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening", "Log.entryAdded":
			c.log = append(c.log, m.Method+" "+string(m.Params))
		}
		c.mu.Unlock()
		if m.Method == "Page.javascriptDialogOpening" {
			go c.send(m.Session, "Page.handleJavaScriptDialog", map[string]any{"accept": true})
		}
	}
}

func (c *chromium) send(session, method string, params any) (message, error) {
	c.mu.Lock()
	c.id++
	id, ch := c.id, make(chan message, 1)
	c.waiting[id] = ch
	c.mu.Unlock()
	raw, err := json.Marshal(map[string]any{"id": id, "method": method, "params": params, "sessionId": session})
	if session == "" {
		raw, err = json.Marshal(map[string]any{"id": id, "method": method, "params": params})
	}
	if err != nil {
		return message{}, err
	}
	if _, err := c.in.Write(append(raw, 0)); err != nil {
		return message{}, err
	}
	select {
	case m := <-ch:
		if m.Error != nil {
			return m, fmt.Errorf("%s: %s", method, m.Error.Message)
		}
		return m, nil
	case <-c.dead:
		return message{}, fmt.Errorf("%s: the browser is gone", method)
	}
}

// complaints are what pages said, without what the tests provoke on purpose.
func (c *chromium) complaints(but ...string) (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
next:
	for _, line := range c.log {
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
	c.result("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	c.result("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &target)
	p := &tab{c, target.SessionID}
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
