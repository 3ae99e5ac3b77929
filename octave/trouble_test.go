package octave

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// trouble is what a client finds wrong with a place.
func trouble(t *testing.T, base string, cfg Config) (Trouble, *Error) {
	t.Helper()
	cfg.Key, cfg.BaseURL = "a key", base
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Run(context.Background(), Request{Email: "ann@example.com"})
	var e *Error
	if !errors.As(err, &e) || e.Action != Again || e.MaybeBilled {
		t.Fatalf("%s: got %v", base, err)
	}
	return e.Trouble, e
}

// secured serves with a certificate of its own, and returns who trusts it.
func secured(t *testing.T, until time.Time, names ...string) (base string, trusting *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-time.Hour), NotAfter: until, DNSNames: names,
		IsCA: true, BasicConstraintsValid: true}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // refused certificates are what is tested
	srv.StartTLS()
	t.Cleanup(srv.Close)
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	trusting = x509.NewCertPool()
	trusting.AddCert(certificate)
	return srv.URL, trusting
}

func TestTroubleOfTheCertificate(t *testing.T) {
	good, trusting := secured(t, time.Now().Add(time.Hour), "127.0.0.1")
	c, err := NewClient(Config{Key: "a key", BaseURL: good, CAs: trusting})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Run(context.Background(), Request{})
	if e := (*Error)(nil); !errors.As(err, &e) || e.Status != http.StatusNotFound {
		t.Errorf("trusted: got %v", err)
	}
	old, trustingOld := secured(t, time.Now().Add(-time.Hour), "127.0.0.1")
	other, trustingOther := secured(t, time.Now().Add(time.Hour), "other.example")
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	for base, want := range map[string]struct {
		trouble Trouble
		cfg     Config
	}{
		good:  {UnknownAuthority, Config{}},
		old:   {Expired, Config{CAs: trustingOld}},
		other: {WrongName, Config{CAs: trustingOther}},
		strings.Replace(plain.URL, "http:", "https:", 1): {NotTLS, Config{}},
	} {
		if got, e := trouble(t, base, want.cfg); got != want.trouble {
			t.Errorf("got trouble %d, want %d: %v", got, want.trouble, e)
		}
	}
}

func TestTroubleOfAName(t *testing.T) {
	// Nobody is asked for a name that cannot be one.
	if got, e := trouble(t, "https://no-such..service.example", Config{}); got != NoSuchHost {
		t.Errorf("got trouble %d: %v", got, e)
	}
	for err, want := range map[error]Trouble{
		&net.DNSError{IsNotFound: true}:                                        NoSuchHost,
		&net.DNSError{IsNotFound: true, IsTemporary: true}:                     0,
		&net.DNSError{IsTimeout: true}:                                         0,
		&net.DNSError{Err: "server misbehaving", IsTemporary: true}:            0,
		&net.OpError{Err: os.NewSyscallError("socket", syscall.EMFILE)}:        TooManyFiles,
		&net.OpError{Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}: 0,
		context.DeadlineExceeded:                                               0,
		x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}:         UnknownAuthority,
	} {
		if got := troubleOf(fmt.Errorf("dial: %w", err)); got != want {
			t.Errorf("%v: got trouble %d, want %d", err, got, want)
		}
	}
}

func TestTroubleOfAProxy(t *testing.T) {
	for status, want := range map[int]Trouble{401: ProxyRefused, 403: ProxyRefused, 407: ProxyRefused, 502: 0, 503: 0, 504: 0} {
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		through, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		network, ok := newTransport(1, nil).(*http.Transport)
		if !ok {
			t.Fatal("another transport")
		}
		network.Proxy = http.ProxyURL(through)
		if got, e := trouble(t, "https://service.example", Config{Transport: network}); got != want || e.Status != 0 {
			t.Errorf("%d: got trouble %d: %v", status, got, e)
		}
		proxy.Close()
	}
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(407) }))
	defer asked.Close()
	if got, e := trouble(t, asked.URL, Config{}); got != ProxyRefused {
		t.Errorf("407 of a plain call: got trouble %d: %v", got, e)
	}
}

func TestTroubleOfARedirect(t *testing.T) {
	srv := httptest.NewServer(http.RedirectHandler("https://elsewhere.example/", http.StatusMovedPermanently))
	defer srv.Close()
	if got, e := trouble(t, srv.URL, Config{}); got != Redirected {
		t.Errorf("got trouble %d: %v", got, e)
	}
}
