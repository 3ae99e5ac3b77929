package fleet

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
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
	ways := slices.Concat(cfg.ConnConfig.Fallbacks, []*pgconn.FallbackConfig{{Host: cfg.ConnConfig.Host, TLSConfig: cfg.ConnConfig.TLSConfig}})
	// The most that any of them lacks is what the user hears of.
	var lacks error
	for _, way := range ways {
		switch {
		case stays(way.Host):
		case way.TLSConfig == nil:
			return &InsecureError{Host: way.Host}
		case way.TLSConfig.InsecureSkipVerify && way.TLSConfig.VerifyPeerCertificate == nil: // the driver's, with sslmode=verify-ca
			lacks = &InsecureError{Host: way.Host, Encrypted: true}
		}
	}
	return lacks
}

// stays says whether what is sent to a host does not leave this machine.
func stays(host string) bool {
	ip := net.ParseIP(host)
	return strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || host == "localhost" || ip != nil && ip.IsLoopback()
}
