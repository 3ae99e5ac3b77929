package octave

import (
	"bytes"
	"encoding/json"
	"maps"
	"unicode/utf8"
)

// Request is one question to the Sequence Agent: a contact and how to write to
// them. Every field is optional in the service's schema (documented), and an
// empty one is left out of the body; nothing is ever sent as "".
type Request struct {
	Email           string `json:"email,omitempty"`
	FirstName       string `json:"firstName,omitempty"`
	LastName        string `json:"lastName,omitempty"`
	JobTitle        string `json:"jobTitle,omitempty"`
	CompanyDomain   string `json:"companyDomain,omitempty"`
	CompanyName     string `json:"companyName,omitempty"`
	LinkedInProfile string `json:"linkedInProfile,omitempty"` // the preferred identity

	// Ids of the contact in the CRM that is connected to the workspace.
	CRMContactID string `json:"crmContactId,omitempty"`
	CRMLeadID    string `json:"crmLeadId,omitempty"`
	CRMAccountID string `json:"crmAccountId,omitempty"`

	Lang         string `json:"lang,omitempty"`         // a code of GET /api/v2/agents/languages
	OutputFormat string `json:"outputFormat,omitempty"` // text (default), html or markdown

	// RuntimeContext is what the agent should know, RuntimeInstructions how it
	// should write. Keys are "all" or a step "1" to "7"; the service refuses
	// any other (observed).
	RuntimeContext      map[string]string `json:"runtimeContext,omitempty"`
	RuntimeInstructions map[string]string `json:"runtimeInstructions,omitempty"`

	PlaybookSelectionContext string         `json:"playbookSelectionContext,omitempty"`
	CustomContext            *CustomContext `json:"customContext,omitempty"`

	// AgentOID looks like ca_..., ExperimentOID like ae_...; "only one of them
	// should be set at a time" (documented).
	AgentOID      string `json:"agentOId,omitempty"`
	ExperimentOID string `json:"experimentOId,omitempty"`

	IncludeFullAnnotation bool `json:"includeFullAnnotation,omitempty"`

	// RequestID is the caller's own name for the call. That the service
	// answers a repeated one from memory is unknown: assume that asking twice
	// is billed twice.
	RequestID string `json:"requestId,omitempty"`
}

// CustomContext pins what the agent would otherwise choose itself.
type CustomContext struct {
	Playbook *Ref `json:"playbook,omitempty"`
	Product  *Ref `json:"product,omitempty"`
	Service  *Ref `json:"service,omitempty"`
	Persona  *Ref `json:"persona,omitempty"`
	Segment  *Ref `json:"segment,omitempty"`
}

// Ref names an entity of the workspace. The service refuses one without id.
type Ref struct {
	OID string `json:"oId"`
}

// Canonical returns the question: the request as JSON in a fixed order, with
// neither empty fields nor RequestID. Equal questions give equal bytes.
func (r Request) Canonical() []byte {
	r.RequestID = ""
	return r.body()
}

// body is the request as it is sent. It is spelled by hand, because it is for
// every row of a list, also for those that were answered long ago: see BenchmarkCanonical.
func (r Request) body() []byte {
	b := append(make([]byte, 0, 512), '{')
	for i := range requestFields {
		switch f := &requestFields[i]; {
		case f.text != nil:
			b = appendText(b, f.name, *f.text(&r))
		case f.texts != nil:
			if texts := filled(*f.texts(&r)); len(texts) > 0 {
				b = appendJSON(appendName(b, f.name), texts)
			}
		case f.refs != nil:
			if custom := (*f.refs(&r)).filled(); custom != nil {
				b = appendJSON(appendName(b, f.name), custom)
			}
		case *f.flag(&r):
			b = append(appendName(b, f.name), "true"...)
		}
	}
	return append(appendText(b, "requestId", r.RequestID), '}')
}

// appendText appends a field, unless it is empty.
func appendText(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = appendName(b, name)
	for i := range len(value) {
		if c := value[i]; c >= utf8.RuneSelf || !plain[c] {
			return appendJSON(b, value)
		}
	}
	return append(append(append(b, '"'), value...), '"')
}

func appendName(b []byte, name string) []byte {
	if len(b) > len("{") {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), `":`...)
}

// appendJSON appends what encoding/json makes of strings and maps of them, of
// which it refuses none.
func appendJSON(b []byte, value any) []byte {
	buf := bytes.NewBuffer(b)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(value)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// filled is m without its empty values; m itself is never changed.
func filled(m map[string]string) map[string]string {
	for _, v := range m {
		if v == "" {
			m = maps.Clone(m)
			maps.DeleteFunc(m, func(_, v string) bool { return v == "" })
			return m
		}
	}
	return m
}

// filled is c without refs that name nothing, or nil when none is left.
func (c *CustomContext) filled() *CustomContext {
	if c == nil {
		return nil
	}
	kept := *c
	for _, r := range customRefs {
		if ref := r.ref(&kept); *ref != nil && (*ref).OID == "" {
			*ref = nil
		}
	}
	if kept == (CustomContext{}) {
		return nil
	}
	return &kept
}
