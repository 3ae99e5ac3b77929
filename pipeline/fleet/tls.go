package fleet

import (
	"crypto/tls"
	"fmt"
	"net"
	"strings"
)

// An InsecureError says that the password, the contacts and their answers would go
// to the database in the clear, or to whoever answers in its place.
type InsecureError struct {
	Host string // of the database
	// Encrypted says that the connection is, but that nobody looks who answers.
	Encrypted bool
}

func (e *InsecureError) Error() string {
	if e.Encrypted {
		return fmt.Sprintf("the connection to the fleet's database at %s would not look at its certificate: whoever answers there gets password and contacts", e.Host)
	}
	return fmt.Sprintf("the connection to the fleet's database at %s may send password and contacts in the clear", e.Host)
}

// CheckTLS wants TLS with a verified certificate on every way to the database at url
// that leaves this machine: PostgreSQL's default is to go without when the server
// does. Sockets and loopback addresses need none. Its errors are an [InsecureError]
// or wrap [ErrURL].
func CheckTLS(url string) error {
	cfg, err := parse(url)
	if err != nil {
		return err
	}
	ways := []way{{cfg.ConnConfig.Host, cfg.ConnConfig.TLSConfig}}
	for _, other := range cfg.ConnConfig.Fallbacks {
		ways = append(ways, way{other.Host, other.TLSConfig})
	}
	// The most that any of them lacks is what the user hears of.
	var lacks error
	for _, w := range ways {
		switch {
		case w.stays() || w.verified():
		case w.tls == nil:
			return &InsecureError{Host: w.host}
		default:
			lacks = &InsecureError{Host: w.host, Encrypted: true}
		}
	}
	return lacks
}

// A way is one of the addresses that are tried, with or without TLS.
type way struct {
	host string
	tls  *tls.Config
}

// stays says whether it does not leave this machine.
func (w way) stays() bool {
	ip := net.ParseIP(w.host)
	return strings.HasPrefix(w.host, "/") || strings.HasPrefix(w.host, "@") || w.host == "localhost" || ip != nil && ip.IsLoopback()
}

// verified says whether the certificate is looked at: by Go itself, or, with
// sslmode=verify-ca, by the driver.
func (w way) verified() bool {
	return w.tls != nil && (!w.tls.InsecureSkipVerify || w.tls.VerifyPeerCertificate != nil)
}
