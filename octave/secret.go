package octave

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"strings"
)

const mask = "***"

// Secret is a string that does not print: every verb of package fmt and every
// marshaller shows *** (or nothing when it is empty). Convert it with
// string(s) where the value itself is due.
type Secret string

// String returns *** or, for an empty secret, "".
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return s.String() }

// Format hides the value from every verb, %x and %q included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText hides the value from encoders of text, such as YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON hides the value from encoding/json.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// redact masks the secret in text that came from outside, as it is and as a
// URL would hold it.
func (s Secret) redact(text string) string {
	if s == "" {
		return text
	}
	text = strings.ReplaceAll(text, string(s), mask)
	return strings.ReplaceAll(text, url.QueryEscape(string(s)), mask)
}

// redactAnswer masks the secret in an answer that is going to be kept. One that is so
// short that it could be a word of the answer is left in it: nobody has such a key.
func (s Secret) redactAnswer(body []byte) []byte {
	if len(s) < 16 {
		return body
	}
	for _, spelling := range []string{string(s), url.QueryEscape(string(s)), strings.ReplaceAll(string(s), "/", `\/`)} {
		body = bytes.ReplaceAll(body, []byte(spelling), []byte(mask))
	}
	return body
}
