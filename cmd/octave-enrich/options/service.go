package options

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

	"github.com/spf13/pflag"

	"octave-enrich/cmd/octave-enrich/exit"
	"octave-enrich/cmd/octave-enrich/words"
	"octave-enrich/octave"
	"octave-enrich/octave/sandbox"
)

// Service says who is asked.
type Service struct {
	Sandbox          bool // the embedded agent
	BaseURL, KeyFile string
	CACert           string // file
	Insecure         bool
	Timeout          Days // of one attempt
}

// Flags registers all of them.
func (s *Service) Flags(fs *pflag.FlagSet) {
	s.Timeout = Days(octave.DefaultTimeout)
	grouped(fs, HeadingService, func(fs *pflag.FlagSet) {
		fs.BoolVar(&s.Sandbox, "sandbox", false, "answer from the embedded agent: no key, no network, no cost")
		fs.StringVar(&s.KeyFile, "key-file", "", "`FILE` with the key; else env OCTAVE_API_KEY, else $CREDENTIALS_DIRECTORY/octave_api_key")
		fs.StringVar(&s.BaseURL, "base-url", octave.DefaultBaseURL, "`URL` of the service (env OCTAVE_BASE_URL)")
		fs.BoolVar(&s.Insecure, "insecure", false, insecureHelp)
		fs.StringVar(&s.CACert, "cacert", "", "`FILE` with one more certificate authority, in PEM")
		fs.Var(&s.Timeout, "timeout", "of one attempt, from dial to last byte")
	})
}

const insecureHelp = "allow a service without https, and a fleet's database without TLS, that is not on this machine"

// SandboxService is who answered, in the header of a checkpoint, when it was the
// embedded agent.
const SandboxService = "sandbox"

// Name is what the checkpoint calls the service: answers of one are never
// taken for another's.
func (s *Service) Name() (string, error) {
	if s.Sandbox {
		return SandboxService, nil
	}
	u, err := url.Parse(s.BaseURL)
	if err != nil || u.Hostname() == "" {
		return "", exit.UsageError("--base-url %s: write it as https://host", s.BaseURL)
	}
	return strings.ToLower(u.Hostname()), nil
}

// secure finds the key and refuses to send it in the clear.
func (s *Service) secure(cfg *octave.Config) error {
	u, err := url.Parse(s.BaseURL)
	if err != nil {
		return exit.UsageError("--base-url: %w", err)
	}
	if u.Scheme != "https" && !IsLoopback(u.Hostname()) && !s.Insecure {
		return &exit.Error{Code: exit.Usage, Err: fmt.Errorf("--base-url %s would send the key in the clear", u.Redacted()),
			Hint: "use https, or allow it with --insecure"}
	}
	if cfg.CAs, err = s.authorities(); err != nil {
		return err
	}
	cfg.Key, err = s.Key()
	return err
}

// authorities are those of the machine and the one of --cacert; nil without it.
func (s *Service) authorities() (*x509.CertPool, error) {
	if s.CACert == "" {
		return nil, nil
	}
	text, err := os.ReadFile(s.CACert)
	if err != nil {
		return nil, exit.UsageError("--cacert: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // a machine without any
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, exit.UsageError("--cacert %s: no certificate in PEM (-----BEGIN CERTIFICATE-----) is in it", s.CACert)
	}
	return pool, nil
}

// IsLoopback says whether a host is this machine.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Key looks where the key may be; it is never on the command line, where every
// user of the machine could read it.
func (s *Service) Key() (octave.Secret, error) {
	if key := strings.TrimSpace(os.Getenv("OCTAVE_API_KEY")); key != "" && s.KeyFile == "" {
		return readKey("OCTAVE_API_KEY", key)
	}
	file := s.KeyPath()
	if file == "" {
		return "", &exit.Error{Code: exit.Usage, Err: errors.New("no API key"),
			Hint: "set OCTAVE_API_KEY, or name a file that holds it with --key-file\nto try without one: --sandbox"}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", exit.UsageError("--key-file: %w", err)
	}
	return readKey(cmp.Or(s.keyFileFlag(), file), strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff")))
}

// keyFileFlag names --key-file for messages; "" when the file was not named by it.
func (s *Service) keyFileFlag() string {
	if s.KeyFile == "" {
		return ""
	}
	return "--key-file " + s.KeyFile
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

// KeyPath is the file that the key may be in; "" if none was named.
func (s *Service) KeyPath() string {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); s.KeyFile == "" && dir != "" {
		return filepath.Join(dir, "octave_api_key")
	}
	return s.KeyFile
}

// LooseKeyFile says whether others can read the file of the key.
func (s *Service) LooseKeyFile() bool {
	if s.KeyFile == "" || s.Sandbox {
		return false
	}
	info, err := os.Stat(s.KeyFile)
	return err == nil && info.Mode().Perm()&0o077 != 0 && filepath.Separator == '/'
}

// NewClient makes the client of a version of this program, against the network or the embedded agent.
func (o *Options) NewClient(version string) (*octave.Client, error) {
	if o.Question.Agent != "" && o.Question.Experiment != "" {
		return nil, exit.UsageError("--agent and --experiment exclude each other")
	}
	cfg := octave.Config{
		BaseURL: o.Service.BaseURL, Timeout: time.Duration(o.Service.Timeout), Concurrency: o.Pace.Concurrency,
		Source: words.Tool + "/" + version,
	}
	if o.Service.Sandbox {
		cfg.BaseURL, cfg.Key = "http://127.0.0.1", "sandbox"
		cfg.Transport = sandbox.Transport(sandbox.New(sandbox.Config{Async: sandbox.Async{Portable: true}}))
	} else if err := o.Service.secure(&cfg); err != nil {
		return nil, err
	}
	client, err := octave.NewClient(cfg)
	if err != nil {
		return nil, &exit.Error{Code: exit.Usage, Err: err}
	}
	return client, nil
}

// FleetName is what a fleet calls the service: unlike the answers of a
// checkpoint, which may move, its workers and runs have to mean the same address.
func (s *Service) FleetName() (string, error) {
	name, err := s.Name()
	if err != nil || s.Sandbox {
		return name, err
	}
	u, err := url.Parse(s.BaseURL)
	if err != nil {
		return "", exit.UsageError("--base-url %s: write it as https://host", s.BaseURL)
	}
	if u.Port() != "" {
		name = net.JoinHostPort(name, u.Port())
	}
	return name + strings.TrimRight(u.Path, "/"), nil
}
