package octave

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"runtime"
	"syscall"
)

// Trouble is a reason why no call can work that waiting does not mend.
type Trouble int

// The troubles.
const (
	NoSuchHost       Trouble = iota + 1 // the resolver says that there is no such name
	UnknownAuthority                    // nobody whom this machine trusts signed the certificate
	Expired                             // the certificate is not valid now, by the clock of this machine
	WrongName                           // the certificate is for another name
	NotTLS                              // what listens there does not speak TLS
	Redirected                          // the service is somewhere else
	ProxyRefused                        // the proxy does not let us through
	TooManyFiles                        // this process may open no more files and connections
)

// proxyRefusedError is a proxy that lets nobody through whom it does not know.
type proxyRefusedError struct{ status string }

func (e *proxyRefusedError) Error() string { return "the proxy refuses the connection: " + e.status }

// refusesConnect says whether the answer of a proxy to CONNECT is final.
func refusesConnect(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusProxyAuthRequired:
		return true
	}
	return false
}

// troubleOf finds the trouble in an error of the network; 0 when it may pass.
func troubleOf(err error) Trouble {
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var roots x509.SystemRootsError
	var certificate x509.CertificateInvalidError
	var name x509.HostnameError
	var noTLS tls.RecordHeaderError
	var proxy *proxyRefusedError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound && !dns.IsTemporary && !dns.IsTimeout && !offline():
		return NoSuchHost
	case errors.As(err, &certificate) && certificate.Reason == x509.Expired:
		return Expired
	case errors.As(err, &authority), errors.As(err, &roots), errors.As(err, &certificate):
		return UnknownAuthority
	case errors.As(err, &name):
		return WrongName
	case errors.As(err, &noTLS), errors.Is(err, http.ErrSchemeMismatch):
		return NotTLS
	case errors.As(err, &proxy):
		return ProxyRefused
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return TooManyFiles
	}
	return 0
}

// offline says whether this machine has no network. Resolvers of macOS and
// Windows then say of every name that there is none; others do not answer.
func offline() bool {
	if runtime.GOOS == "linux" {
		return false
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			return false
		}
	}
	return true
}
