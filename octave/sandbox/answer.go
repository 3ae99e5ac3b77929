package sandbox

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"
)

// answer is the body of a success, in the service's order of fields.
type answer struct {
	Metadata metadata `json:"_metadata"`
	Found    bool     `json:"found"`
	Message  *string  `json:"message"`
	Data     *data    `json:"data"`
}

type metadata struct {
	RequestID string  `json:"requestId"`
	Timestamp string  `json:"timestamp"`
	Usage     float64 `json:"usage"`
	Message   string  `json:"message"`
}

type data struct {
	Emails      []message       `json:"emails"`
	Playbook    json.RawMessage `json:"playbook"`
	Persona     json.RawMessage `json:"persona"`
	Product     json.RawMessage `json:"product"`
	OutputType  string          `json:"outputType"`
	Annotations *annotations    `json:"annotations,omitempty"`
}

type message struct {
	Subject       string    `json:"subject"`
	Email         *string   `json:"email"`
	Body          string    `json:"body,omitempty"`
	CoreValueProp string    `json:"coreValueProp"`
	Sections      *sections `json:"sections,omitempty"`
}

type sections struct {
	Greeting  string  `json:"greeting"`
	Opening   string  `json:"opening"`
	Body      string  `json:"body"`
	Closing   string  `json:"closing"`
	CTA       string  `json:"cta"`
	PS        *string `json:"ps"`
	Signature string  `json:"signature"`
}

type annotations struct {
	Annotations []annotation   `json:"annotations"`
	Metadata    map[string]int `json:"metadata"`
}

type annotation struct {
	Type        string  `json:"type"`
	Title       string  `json:"title"`
	Meta        string  `json:"meta"`
	Description string  `json:"description"`
	URL         *string `json:"url"`
}

// notFound is the answer about a person nobody can find (observed wording).
func notFound(q [16]byte) answer {
	why := "Unfortunately, this LinkedIn profile is private or could not be found."
	return answer{Metadata: stamp(q, 0), Message: &why}
}

// stamp depends on the question alone, the time included: outputs of two runs
// must be comparable byte for byte.
func stamp(q [16]byte, usage float64) metadata {
	at := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC).Add(time.Duration(mix(3, q, 0)%(180*24*3600)) * time.Second)
	return metadata{
		RequestID: "req_" + hex.EncodeToString(q[:12]),
		Timestamp: at.Format("2006-01-02T15:04:05.000Z"),
		Usage:     usage,
		Message:   "Success",
	}
}

// spoiled is an answer that was paid for and is of no use.
func (a answer) spoiled(kind string) answer {
	spoiled := *a.Data
	if kind == "nomessages" {
		spoiled.Emails = []message{}
	} else {
		last := len(spoiled.Emails) - 1
		spoiled.Emails[last] = message{Subject: spoiled.Emails[last].Subject}
	}
	a.Data = &spoiled
	return a
}

// bare is the least that a found answer may hold.
func (a answer) bare() []byte {
	return encode(map[string]any{
		"_metadata": map[string]any{}, "found": true, "message": nil,
		"data": map[string]any{"emails": a.messages(map[string]any{"subject": nil, "coreValueProp": nil, "sections": nil}),
			"playbook": nil, "persona": nil, "annotations": nil},
	})
}

// mistyped has the right messages amid values of the wrong types, and fields
// nobody knows.
func (a answer) mistyped() []byte {
	return encode(map[string]any{
		"_metadata": map[string]any{"requestId": 12, "usage": "1.50", "timestamp": false, "message": []int{}},
		"found":     true, "message": map[string]any{}, "new": nil,
		"data": map[string]any{"emails": a.messages(map[string]any{"subject": 7, "coreValueProp": []string{"x"}, "sections": "none", "score": 0.5}),
			"playbook": "Growing revenue teams", "persona": []int{1}, "product": true, "outputType": 3},
	})
}

// messages have the right text beside other fields.
func (a answer) messages(others map[string]any) (list []map[string]any) {
	for _, m := range a.Data.Emails {
		others = maps.Clone(others)
		others["email"] = m.text()
		list = append(list, others)
	}
	return list
}

// text is the whole text of a message, whatever its shape.
func (m message) text() string {
	switch {
	case m.Email != nil && *m.Email != "":
		return *m.Email
	case m.Sections != nil:
		return m.Sections.text()
	}
	return m.Body
}

// errorBody is the body of a refusal.
func errorBody(status int, message string) []byte {
	return encode(map[string]any{
		"_metadata": map[string]any{"usage": 0, "requestId": fmt.Sprintf("req_refused_%d", status),
			"message": http.StatusText(status), "timestamp": "2026-01-01T09:00:00.000Z"},
		"message": message,
	})
}

// encode is for values that encoding/json cannot refuse.
func encode(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

func answerJSON(w http.ResponseWriter, v any) { write(w, "application/json", encode(v)) }
