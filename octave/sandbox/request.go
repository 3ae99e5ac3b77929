package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"octave-enrich/octave"
)

const (
	maxRequest = 1 << 20 // bytes of a body
	maxSteps   = 7       // messages in a sequence
)

// wire is a request with the parts raw that are checked by hand.
type wire struct {
	octave.Request
	RuntimeContext      map[string]json.RawMessage `json:"runtimeContext"`
	RuntimeInstructions map[string]json.RawMessage `json:"runtimeInstructions"`
}

// parse reads a request as strictly as the service is known to be, with the
// texts it was observed to use. Unknown fields are ignored.
func parse(body []byte) (octave.Request, error) {
	var in wire
	if err := json.Unmarshal(body, &in); err != nil {
		return octave.Request{}, rejected(err)
	}
	req := in.Request
	var err error
	if req.RuntimeContext, err = runtime("runtimeContext", in.RuntimeContext); err != nil {
		return req, err
	}
	if req.RuntimeInstructions, err = runtime("runtimeInstructions", in.RuntimeInstructions); err != nil {
		return req, err
	}
	if req.AgentOID != "" && req.ExperimentOID != "" {
		return req, errors.New("Only one of agentOId and experimentOId should be set at a time") //nolint:staticcheck // the service words it so
	}
	if f := req.OutputFormat; f != "" && f != "text" && f != "html" && f != "markdown" {
		return req, fmt.Errorf("outputFormat: Invalid enum value. Expected 'text' | 'html' | 'markdown', received '%s'", f)
	}
	return req, refs(req.CustomContext)
}

// rejected words a failure to decode as the service's validator does.
func rejected(err error) error {
	if odd := (*json.UnmarshalTypeError)(nil); errors.As(err, &odd) {
		expected := odd.Type.Kind().String()
		switch expected {
		case "struct", "map", "ptr":
			expected = "object"
		case "bool":
			expected = "boolean"
		}
		return fmt.Errorf("%s: Expected %s, received %s", strings.TrimPrefix(odd.Field, "Request."), expected, odd.Value)
	}
	return errors.New("Request body is not valid JSON") //nolint:staticcheck // the service words it so
}

// runtime checks the keys and values of runtimeContext and its sibling.
func runtime(field string, in map[string]json.RawMessage) (map[string]string, error) {
	if len(in) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(in))
	for key, raw := range in {
		if step, err := strconv.Atoi(key); key != "all" {
			if err != nil {
				return nil, fmt.Errorf("%s: Expected number, received nan; Expected 'all'", field)
			}
			if step < 1 || step > maxSteps {
				return nil, fmt.Errorf("%s: Number must be between 1 and %d", field, maxSteps)
			}
		}
		var text *string
		if err := json.Unmarshal(raw, &text); err != nil || text == nil {
			return nil, fmt.Errorf("%s.%s: Expected string, received %s", field, key, typeOf(raw))
		}
		out[key] = *text
	}
	return out, nil
}

func typeOf(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// refs checks that each entity of a custom context has an id.
func refs(c *octave.CustomContext) error {
	if c == nil {
		return nil
	}
	for _, r := range []struct {
		name string
		ref  *octave.Ref
	}{{"playbook", c.Playbook}, {"product", c.Product}, {"service", c.Service}, {"persona", c.Persona}, {"segment", c.Segment}} {
		if r.ref != nil && r.ref.OID == "" {
			return fmt.Errorf("customContext.%s.oId: Required", r.name)
		}
	}
	return nil
}

// identified says whether the request holds enough to find a person.
func identified(r octave.Request) bool {
	named := (r.FirstName != "" || r.LastName != "") && (r.CompanyName != "" || r.CompanyDomain != "")
	return named || slices.ContainsFunc([]string{r.LinkedInProfile, r.Email, r.CRMContactID, r.CRMLeadID},
		func(s string) bool { return s != "" })
}
