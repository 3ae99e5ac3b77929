package main

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

// sandboxService is who answered, in the header of a checkpoint, when it was the
// embedded agent.
const sandboxService = "sandbox"

// serviceName is what the checkpoint calls the service: answers of one are never
// taken for another's.
func (o *options) serviceName() (string, error) {
	if o.sandbox {
		return sandboxService, nil
	}
	u, err := url.Parse(o.baseURL)
	if err != nil || u.Hostname() == "" {
		return "", exit.UsageError("--base-url %s: write it as https://host", o.baseURL)
	}
	return strings.ToLower(u.Hostname()), nil
}

// newClient makes the client, against the network or the embedded agent.
func (o *options) newClient() (*octave.Client, error) {
	if o.agent != "" && o.experiment != "" {
		return nil, exit.UsageError("--agent and --experiment exclude each other")
	}
	cfg := octave.Config{
		BaseURL: o.baseURL, Timeout: time.Duration(o.timeout), Concurrency: o.concurrency,
		Source: words.Tool + "/" + version,
	}
	if o.sandbox {
		cfg.BaseURL, cfg.Key = "http://127.0.0.1", "sandbox"
		cfg.Transport = sandbox.Transport(sandbox.New(sandbox.Config{}))
	} else if err := o.secure(&cfg); err != nil {
		return nil, err
	}
	client, err := octave.NewClient(cfg)
	if err != nil {
		return nil, &exit.Error{Code: exit.Usage, Err: err}
	}
	return client, nil
}

// secure finds the key and refuses to send it in the clear.
func (o *options) secure(cfg *octave.Config) error {
	u, err := url.Parse(o.baseURL)
	if err != nil {
		return exit.UsageError("--base-url: %w", err)
	}
	if u.Scheme != "https" && !isLoopback(u.Hostname()) && !o.insecure {
		return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--base-url %s would send the key in the clear", u.Redacted()),
			Hint: "use https, or allow it with --insecure"}
	}
	if cfg.CAs, err = o.authorities(); err != nil {
		return err
	}
	cfg.Key, err = o.key()
	return err
}

// authorities are those of the machine and the one of --cacert; nil without it.
func (o *options) authorities() (*x509.CertPool, error) {
	if o.caCert == "" {
		return nil, nil
	}
	text, err := os.ReadFile(o.caCert)
	if err != nil {
		return nil, exit.UsageError("--cacert: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // a machine without any
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, exit.UsageError("--cacert %s: no certificate in PEM (-----BEGIN CERTIFICATE-----) is in it", o.caCert)
	}
	return pool, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// key looks where the key may be; it is never on the command line, where every
// user of the machine could read it.
func (o *options) key() (octave.Secret, error) {
	if key := strings.TrimSpace(os.Getenv("OCTAVE_API_KEY")); key != "" && o.keyFile == "" {
		return readKey("OCTAVE_API_KEY", key)
	}
	file := o.keyPath()
	if file == "" {
		return "", &exit.Error{Code: exit.Usage, Err: errors.New("no API key"),
			Hint: "set OCTAVE_API_KEY, or name a file that holds it with --key-file\nto try without one: --sandbox"}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", exit.UsageError("--key-file: %w", err)
	}
	return readKey(cmp.Or(o.keyFileFlag(), file), strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff")))
}

// keyFileFlag names --key-file for messages; "" when the file was not named by it.
func (o *options) keyFileFlag() string {
	if o.keyFile == "" {
		return ""
	}
	return "--key-file " + o.keyFile
}

// assigned is a line as files of variables have them. A key may end in = but has
// nothing behind it.
var assigned = regexp.MustCompile(`^(export\s+)?[A-Za-z_]\w*\s*=\s*[^=\s]`)

// readKey refuses what surrounds a key in files made for something else, without
// showing any of it: the service would only say that it knows no such key.
func readKey(where, text string) (octave.Secret, error) {
	what := ""
	switch {
	case text == "":
		what = "is empty"
	case strings.Contains(text, "\x00"):
		what = "is text in UTF-16, as PowerShell and Notepad write it; save it as UTF-8"
	case strings.ContainsAny(text, "\r\n"):
		what = "has more than one line"
	case assigned.MatchString(text):
		what = "has a name and = before the key"
	case strings.ContainsAny(text[:1]+text[len(text)-1:], "\"'`"):
		what = "has quotes around the key"
	default:
		return octave.Secret(text), nil
	}
	return "", &exit.Error{Code: exit.Usage, Err: fmt.Errorf("%s %s", where, what), Hint: "it has to be the key, and nothing else, on one line"}
}

// keyPath is the file that the key may be in; "" if none was named.
func (o *options) keyPath() string {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); o.keyFile == "" && dir != "" {
		return filepath.Join(dir, "octave_api_key")
	}
	return o.keyFile
}

// looseKeyFile says whether others can read the file of the key.
func (o *options) looseKeyFile() bool {
	if o.keyFile == "" || o.sandbox {
		return false
	}
	info, err := os.Stat(o.keyFile)
	return err == nil && info.Mode().Perm()&0o077 != 0 && filepath.Separator == '/'
}
