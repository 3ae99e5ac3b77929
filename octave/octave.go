// Package octave speaks the wire protocol of Octave's Sequence Agent: the
// types of a request and an answer, a client that makes exactly one attempt
// per call, errors that say what a run should do about them, and the account
// endpoints.
//
// One contact goes out as a [Request], one sequence of emails comes back as an
// [Answer]. Whatever else comes back (a status, a proxy's HTML page, a body
// cut in half, a connection that died after the work was done) is an [*Error]
// with a [Action]. There are no retries here and no rate limit: a caller wraps
// [Client.Run] in its own policy.
//
// The package never logs, and the key is in no error and no URL.
//
// What the service accepts and answers is documented at the vendor's site only
// in part. Comments say "documented" for what the vendor writes, "observed"
// for what public client code has seen, and "unknown" for what is neither; the
// unknown is tolerated rather than guessed.
package octave

import "time"

const (
	// DefaultBaseURL is where the service lives (documented).
	DefaultBaseURL = "https://app.octavehq.com"

	// DefaultTimeout bounds one attempt. A call takes 10 to 60 s, and public
	// clients use time-outs of 120 to 180 s (observed).
	DefaultTimeout = 3 * time.Minute

	// DefaultConcurrency is the number of connections a client keeps alive.
	// 8 to 14 calls at once on one key have been seen without trouble.
	DefaultConcurrency = 8

	// MaxBody is the size, in bytes after decompression, beyond which an
	// answer is refused: no sequence of emails is that long.
	MaxBody = 16 << 20
)
