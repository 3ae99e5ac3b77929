package sandbox

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf8"

	"octave-enrich/octave"
)

// The building blocks of the emails. {first}, {title} and {company} are filled
// in; each choice is plain enough to follow any other.
var (
	subjects = []string{"An idea for {company}", "{company} and the next quarter", "A question, {first}",
		"How teams like {company} save a day a week", "{first}, worth a look?", "One thing about {company}"}
	openings = []string{
		"I noticed that {company} has been growing, and that as {title} you probably see first where the manual work piles up.",
		"Most people who work as {title} tell us the same thing: the tools are there, but the time to use them well is not.",
		"I have been reading about {company} and was struck by how much of it must come down to you as {title}.",
		"Teams of your size often ask us how others in the market handle research before the first conversation."}
	bodies = []string{
		"We help teams like yours turn scattered account notes into messages that sound like the people who send them. Customers usually see the first replies within two weeks, without changing the way they work.",
		"Our customers prepare a conversation in three minutes instead of thirty. The research is done before they open the account, and every claim comes with its source, so nobody has to take it on trust.",
		"What tends to work is small: one playbook, one segment, four weeks. At the end there is a number that either speaks for going on or does not, and both are worth knowing before the next planning round."}
	closings = []string{"If it is not a priority now, just say so and I will not follow up.",
		"Happy to send a short example for {company} if that is easier.", "No slides, I promise: just your case and one like it."}
	calls = []string{"Would fifteen minutes on Thursday suit you?", "Is this worth a short call next week?",
		"Shall I send over the two-page summary?", "Who at {company} would be the right person to ask?"}
	postscripts = []string{"PS: The summary also covers what did not work.", "PS: A team in your market went live last month."}
	signatures  = []string{"Best,\nAlex", "Kind regards,\nSam Rivera", "Cheers,\nJo"}
	values      = []string{"Less time on research, more on conversations", "Messages that sound like your team", "A result in four weeks, or a clear no"}
	playbooks   = []string{"Growing revenue teams", "Consolidate the stack", "New in the role", "Expand into new regions"}
	personas    = []string{"Revenue leader", "Operations lead", "Head of growth", "Technical buyer"}
	products    = []string{"Research Assistant", "Sequence Studio", "Signal Monitor"}
)

// compose writes the answer to a question: always the same one.
func (s *Server) compose(req octave.Request, q [16]byte) answer {
	d := &dice{q: q}
	w := newWriter(req)
	emails := make([]message, s.steps(req, d))
	for i := range emails {
		emails[i] = s.message(w, d, i+1)
	}
	return answer{Metadata: stamp(q, s.cfg.Cost), Found: true, Data: &data{
		Emails:      emails,
		Playbook:    thePlaybook(d),
		Persona:     thePersona(d),
		Product:     theProduct(d),
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
	m := message{CoreValueProp: d.pick(values)}
	if step == 1 || d.roll(3) > 0 { // later ones often continue the thread
		m.Subject = w.fill(d.pick(subjects))
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
	blanks *strings.Replacer
	greet  string
	format func(paragraph string) string
}

func newWriter(req octave.Request) *writer {
	first, title, company := or(req.FirstName, "there"), or(req.JobTitle, "the person in charge"), or(req.CompanyName, req.CompanyDomain, "your company")
	w := &writer{req: req, greet: greeting(req.Lang) + " {first},", format: func(p string) string { return p }}
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
		Opening:   w.paragraph(d.pick(openings)),
		Body:      w.paragraph(d.pick(bodies)),
		Closing:   w.paragraph(d.pick(closings)),
		CTA:       w.paragraph(d.pick(calls)),
		Signature: w.paragraph(d.pick(signatures)),
	}
	// What the caller told the agent can be seen to have arrived.
	if known := w.told(w.req.RuntimeContext, step); known != "" {
		s.Opening += " " + w.format("I understand that "+known+".")
	}
	if d.roll(4) == 0 {
		ps := w.paragraph(d.pick(postscripts))
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

func thePlaybook(d *dice) playbook {
	i := d.roll(len(playbooks))
	return playbook{OID: oid("pb", i), Name: playbooks[i], Type: "SECTOR", MatchConfidence: "HIGH",
		Description:   "How to speak to this segment, and what it cares about this year.",
		KeyInsight:    []string{"Budget is there, time is not.", "Decisions are made by two people."},
		MatchAnalysis: "The role and the size of the company fit."}
}

func thePersona(d *dice) persona {
	i := d.roll(len(personas))
	return persona{OID: oid("pe", i), Name: personas[i], InternalName: strings.ToLower(personas[i]),
		QualifyingQuestions: []string{"Owns a number?", "Has a team?"}}
}

func theProduct(d *dice) product {
	i := d.roll(len(products))
	return product{OID: oid("pr", i), Name: products[i], InternalName: strings.ToLower(products[i]), MatchConfidence: "MEDIUM",
		Description: "Prepares conversations.", Data: productData{Type: "SERVICE", Summary: "Research and writing.", Capabilities: []string{"research", "writing"}}}
}

func oid(prefix string, i int) string { return prefix + "_sandbox" + strconv.Itoa(i+1) }

func greeting(lang string) string {
	code, _, _ := strings.Cut(strings.ToLower(lang), "-")
	for _, l := range languages() {
		if l.Code == code {
			return l.greeting
		}
	}
	return "Hi"
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
