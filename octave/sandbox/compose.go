package sandbox

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"

	"octave-enrich/octave"
)

// blocks are what answers are composed of: one of each kind, by the question. In the
// texts {first}, {title} and {company} are filled in; each is plain enough to follow
// any other.
type blocks struct {
	Subjects, Openings, Bodies, Closings, Calls, Postscripts, Signatures, Values []string
	Playbooks, Personas, Products                                                []json.RawMessage
}

//go:embed compose.json
var composeJSON []byte

func newBlocks() (b blocks) {
	_ = json.Unmarshal(composeJSON, &b) // the tests see that it can be read
	return b
}

// compose writes the answer to a question: always the same one.
func (s *Server) compose(req octave.Request, q [16]byte) answer {
	d := &dice{q: q}
	w := s.newWriter(req)
	emails := make([]message, s.steps(req, d))
	for i := range emails {
		emails[i] = s.message(w, d, i+1)
	}
	return answer{Metadata: stamp(q, s.cfg.Cost), Found: true, Data: &data{
		Emails:      emails,
		Playbook:    pick(d, s.blocks.Playbooks),
		Persona:     pick(d, s.blocks.Personas),
		Product:     pick(d, s.blocks.Products),
		OutputType:  "EMAIL",
		Annotations: w.annotate(),
	}}
}

// steps is how many messages the sequence has: that is the agent's business
// (observed), so that all contacts of a run get the same number.
func (s *Server) steps(req octave.Request, d *dice) int {
	fromQuestion := 1 + d.roll(maxSteps)
	switch {
	case s.cfg.Messages > 0:
		return s.cfg.Messages
	case s.cfg.Messages == mixedMessages:
		return fromQuestion
	}
	for _, a := range s.workspace {
		if a.OID == req.AgentOID || a.OID == req.ExperimentOID {
			return len(a.Steps)
		}
	}
	return usualSteps
}

func (s *Server) message(w *writer, d *dice, step int) message {
	parts := w.sections(d, step)
	m := message{CoreValueProp: pick(d, s.blocks.Values)}
	if step == 1 || d.roll(3) > 0 { // later ones often continue the thread
		m.Subject = w.fill(pick(d, s.blocks.Subjects))
	}
	text := parts.text()
	shape := s.cfg.Shape
	// A shape belongs to an agent: one sequence does not mix them.
	if shape != "email" && shape != "sections" && shape != "body" {
		shape = [...]string{"email", "sections"}[d.q[0]&1]
	}
	switch shape {
	case "email":
		m.Email = &text
	case "body":
		m.Body = text
	default:
		m.Sections = &parts
	}
	return m
}

// writer fills the building blocks in for one contact.
type writer struct {
	req    octave.Request
	blocks *blocks
	blanks *strings.Replacer
	greet  string
	format func(paragraph string) string
}

func (s *Server) newWriter(req octave.Request) *writer {
	first, title, company := or(req.FirstName, "there"), or(req.JobTitle, "the person in charge"), or(req.CompanyName, req.CompanyDomain, "your company")
	w := &writer{req: req, blocks: &s.blocks, greet: greeting(req.Lang) + " {first},", format: func(p string) string { return p }}
	w.blanks = strings.NewReplacer("{first}", short(first, 40), "{title}", short(title, 60), "{company}", short(company, 60))
	if req.OutputFormat == "html" {
		w.format = func(p string) string {
			return "<p>" + strings.ReplaceAll(html.EscapeString(p), "\n", "<br>") + "</p>"
		}
	}
	return w
}

func (w *writer) fill(template string) string { return w.blanks.Replace(template) }

func (w *writer) paragraph(template string) string { return w.format(w.fill(template)) }

func (w *writer) sections(d *dice, step int) sections {
	s := sections{
		Greeting:  w.paragraph(w.greet),
		Opening:   w.paragraph(pick(d, w.blocks.Openings)),
		Body:      w.paragraph(pick(d, w.blocks.Bodies)),
		Closing:   w.paragraph(pick(d, w.blocks.Closings)),
		CTA:       w.paragraph(pick(d, w.blocks.Calls)),
		Signature: w.paragraph(pick(d, w.blocks.Signatures)),
	}
	// What the caller told the agent can be seen to have arrived.
	if known := w.told(w.req.RuntimeContext, step); known != "" {
		s.Opening += " " + w.format("I understand that "+known+".")
	}
	if d.roll(4) == 0 {
		ps := w.paragraph(pick(d, w.blocks.Postscripts))
		s.PS = &ps
	}
	return s
}

// told is what a runtime map says for a step: step keys add to all.
func (w *writer) told(m map[string]string, step int) string {
	var parts []string
	for _, key := range []string{"all", strconv.Itoa(step)} {
		if text := strings.TrimSpace(m[key]); text != "" {
			parts = append(parts, short(text, 60))
		}
	}
	return strings.Join(parts, "; ")
}

// annotate shows instructions that arrived; nil when not asked for.
func (w *writer) annotate() *annotations {
	if !w.req.IncludeFullAnnotation {
		return nil
	}
	all := []annotation{{Type: "source", Title: "Sandbox", Meta: "embedded", Description: "Nothing was looked up."}}
	for step := range maxSteps {
		if told := w.told(w.req.RuntimeInstructions, step+1); told != "" {
			all = append(all, annotation{Type: "instruction", Title: "Step " + strconv.Itoa(step+1), Meta: "runtime", Description: told})
		}
	}
	return &annotations{Annotations: all, Metadata: map[string]int{"count": len(all)}}
}

// text joins the sections as a reader of the answer must.
func (s *sections) text() string {
	parts := []string{s.Greeting, s.Opening, s.Body, s.Closing, s.CTA}
	if s.PS != nil {
		parts = append(parts, *s.PS)
	}
	return strings.Join(append(parts, s.Signature), "\n\n")
}

func greeting(lang string) string {
	code, _, _ := strings.Cut(strings.ToLower(lang), "-")
	return cmp.Or(map[string]string{"de": "Hallo", "fr": "Bonjour", "es": "Hola", "it": "Ciao", "nl": "Hallo", "pt": "Olá", "ja": "こんにちは"}[code], "Hi")
}

// or is the first of its arguments that is not blank.
func or(texts ...string) string {
	for _, s := range texts {
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}

// short keeps an email of a plausible length whatever the contact holds.
func short(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
