package octave

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A field is one of the request. The table of them is the one place that knows the
// service's fields: it spells the body, sets a field by its name, and says what a
// column may feed.
type field struct {
	name    string
	contact bool                              // says who is asked about; the others say how to write
	text    func(*Request) *string            // of a text
	values  []string                          // the texts that it takes; nil for any
	texts   func(*Request) *map[string]string // of an object with a text for each step
	refs    func(*Request) **CustomContext    // of the object that names entities
	flag    func(*Request) *bool              // of true or false
}

// requestFields is read only. Its order is that of the canonical body: a checkpoint
// finds an answer by the hash of it.
var requestFields = [...]field{
	{name: "email", contact: true, text: func(r *Request) *string { return &r.Email }},
	{name: "firstName", contact: true, text: func(r *Request) *string { return &r.FirstName }},
	{name: "lastName", contact: true, text: func(r *Request) *string { return &r.LastName }},
	{name: "jobTitle", contact: true, text: func(r *Request) *string { return &r.JobTitle }},
	{name: "companyDomain", contact: true, text: func(r *Request) *string { return &r.CompanyDomain }},
	{name: "companyName", contact: true, text: func(r *Request) *string { return &r.CompanyName }},
	{name: "linkedInProfile", contact: true, text: func(r *Request) *string { return &r.LinkedInProfile }},
	{name: "crmContactId", contact: true, text: func(r *Request) *string { return &r.CRMContactID }},
	{name: "crmLeadId", contact: true, text: func(r *Request) *string { return &r.CRMLeadID }},
	{name: "crmAccountId", contact: true, text: func(r *Request) *string { return &r.CRMAccountID }},
	{name: "lang", contact: true, text: func(r *Request) *string { return &r.Lang }},
	{name: "outputFormat", text: func(r *Request) *string { return &r.OutputFormat }, values: []string{"text", "html", "markdown"}},
	{name: "runtimeContext", texts: func(r *Request) *map[string]string { return &r.RuntimeContext }},
	{name: "runtimeInstructions", texts: func(r *Request) *map[string]string { return &r.RuntimeInstructions }},
	{name: "playbookSelectionContext", text: func(r *Request) *string { return &r.PlaybookSelectionContext }},
	{name: "customContext", refs: func(r *Request) **CustomContext { return &r.CustomContext }},
	{name: "agentOId", text: func(r *Request) *string { return &r.AgentOID }},
	{name: "experimentOId", text: func(r *Request) *string { return &r.ExperimentOID }},
	{name: "includeFullAnnotation", flag: func(r *Request) *bool { return &r.IncludeFullAnnotation }},
}

// customRefs are the entities that customContext names.
var customRefs = [...]struct {
	name string
	ref  func(*CustomContext) **Ref
}{
	{"playbook", func(c *CustomContext) **Ref { return &c.Playbook }},
	{"product", func(c *CustomContext) **Ref { return &c.Product }},
	{"service", func(c *CustomContext) **Ref { return &c.Service }},
	{"persona", func(c *CustomContext) **Ref { return &c.Persona }},
	{"segment", func(c *CustomContext) **Ref { return &c.Segment }},
}

// A Field is a field of the request by the service's own spelling, with a dot where
// objects nest: lang, runtimeContext.all, customContext.playbook.oId.
type Field struct {
	Name    string
	Contact bool // it says who is asked about; the others say how to write
	Object  bool // it is an object, whose fields are listed, too
}

// Fields lists the fields that [Request.Set] sets, in the order of the body.
func Fields() []Field {
	var all []Field
	for _, f := range requestFields {
		all = append(all, Field{Name: f.name, Contact: f.contact, Object: f.texts != nil || f.refs != nil})
		switch {
		case f.texts != nil:
			for step := range strings.FieldsSeq("all 1 2 3 4 5 6 7") {
				all = append(all, Field{Name: f.name + "." + step})
			}
		case f.refs != nil:
			for _, r := range customRefs {
				all = append(all, Field{Name: f.name + "." + r.name + ".oId"})
			}
		}
	}
	return all
}

// A ValueError says that a field does not take a value.
type ValueError struct{ Msg string }

func (e *ValueError) Error() string { return e.Msg }

// Set sets a field by its name. An empty value leaves the field out; an object is
// meant for all steps. It fails with a [*ValueError] for a value that the field does
// not take, and with another error for a field that there is not.
func (r *Request) Set(name, value string) error {
	group, rest, inside := strings.Cut(name, ".")
	i := slices.IndexFunc(requestFields[:], func(f field) bool { return f.name == group })
	if i < 0 || inside && requestFields[i].texts == nil && requestFields[i].refs == nil {
		return fmt.Errorf("the service has no field %q; it has %s", name, strings.Join(fieldNames(), ", "))
	}
	switch f := &requestFields[i]; {
	case f.texts != nil:
		return setText(f.texts(r), name, cmp.Or(rest, "all"), value)
	case f.refs != nil:
		return setRef(f.refs(r), rest, value)
	case f.flag != nil:
		on, err := strconv.ParseBool(cmp.Or(value, "false"))
		if err != nil {
			return &ValueError{fmt.Sprintf("%q is neither true nor false", value)}
		}
		*f.flag(r) = on
	default:
		if value != "" && f.values != nil && !slices.Contains(f.values, value) {
			return &ValueError{fmt.Sprintf("%q is not one of %s", value, strings.Join(f.values, ", "))}
		}
		*f.text(r) = value
	}
	return nil
}

// fieldNames are the fields as a person reads them in a message.
func fieldNames() []string {
	var names []string
	for _, f := range requestFields {
		switch {
		case f.texts != nil:
			names = append(names, f.name+".STEP")
		case f.refs != nil:
			var refs []string
			for _, r := range customRefs {
				refs = append(refs, r.name)
			}
			names = append(names, f.name+".{"+strings.Join(refs, ",")+"}.oId")
		default:
			names = append(names, f.name)
		}
	}
	return names
}

// IsStep says whether a text names the steps that a text is for: all, or one.
func IsStep(s string) bool {
	return s == "all" || len(s) == 1 && s[0] >= '1' && s[0] <= '7'
}

func setText(texts *map[string]string, name, step, value string) error {
	if !IsStep(step) {
		return fmt.Errorf("%s: a step is \"all\" or a number from 1 to 7", name)
	}
	if value == "" {
		delete(*texts, step)
		return nil
	}
	if *texts == nil {
		*texts = map[string]string{}
	}
	(*texts)[step] = value
	return nil
}

// setRef names an entity; a context that is shared by requests is not changed.
func setRef(context **CustomContext, path, value string) error {
	name, tail, _ := strings.Cut(path, ".")
	if tail != "oId" {
		return fmt.Errorf("customContext.%s: write customContext.%s.oId", path, cmp.Or(name, "playbook"))
	}
	custom := CustomContext{}
	if *context != nil {
		custom = **context
	}
	var names []string
	for _, r := range customRefs {
		if names = append(names, r.name); r.name != name {
			continue
		}
		*r.ref(&custom) = nil
		if value != "" {
			*r.ref(&custom) = &Ref{OID: value}
		}
		*context = nil
		if custom != (CustomContext{}) {
			*context = &custom
		}
		return nil
	}
	return fmt.Errorf("customContext has %s and %s, but no %q", strings.Join(names[:len(names)-1], ", "), names[len(names)-1], name)
}
