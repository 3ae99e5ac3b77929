package mapping

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"octave-enrich/reader/person"
)

// meanings are what a header may mean: by the table as it stands, else by the
// rules by which tools make names out of names.
func meanings(header string) []meaning {
	folded := fold(header)
	if folded == "" || strings.ContainsRune(header, '@') || strings.Contains(header, "://") {
		return nil // nothing, or a value
	}
	if m := lookUp(folded); m != nil {
		return m
	}
	if strings.HasPrefix(folded, "optedoutofemail") { // HubSpot: one column for each subscription type
		return []meaning{{kind: optOut}}
	}
	words := split(norm.NFKC.String(header))
	if len(words) == 0 {
		return nil
	}
	if m := byRule(words); m != nil {
		return m
	}
	if m := shorter(words); m != nil {
		return m
	}
	return question(header, words)
}

func lookUp(folded string) []meaning {
	known := table()
	if m := known[folded]; m != nil {
		return m
	}
	return known[plain(folded)]
}

// split cuts a header into words in lower case: at signs, at capitals inside
// words, and between letters and digits.
func split(header string) []string {
	var words []string
	var word []rune
	var last rune
	flush := func() {
		if folded := fold(string(word)); folded != "" {
			words = append(words, folded)
		}
		word = word[:0]
	}
	for _, r := range header {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			if r != '\'' && r != '’' {
				flush()
			}
			last = 0
			continue
		case unicode.IsUpper(r) && unicode.IsLower(last), unicode.IsDigit(r) != unicode.IsDigit(last) && last != 0:
			flush()
		}
		word, last = append(word, r), r
	}
	flush()
	for i := 0; i+1 < len(words); i++ { // e-mail, linked in
		if words[i] == "e" && strings.HasPrefix(words[i+1], "mail") || words[i] == "linked" && words[i+1] == "in" {
			words = slices.Replace(words, i, i+2, words[i]+words[i+1])
		}
	}
	return words
}

func has(words []string, any ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(any, w) })
}

func all(words []string, of ...string) bool {
	return !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(of, w) })
}

// byRule reads headers that say by single words what they are.
func byRule(words []string) []meaning {
	why := whys()
	refuse := func(reason string) []meaning { return []meaning{{kind: never, why: why[reason]}} }
	mail := has(words, "email", "emails", "mail")
	company := has(words, "company", "organization", "organisation", "account", "employer", "employment", "business")
	switch {
	case consents(words):
		return []meaning{{kind: consent}}
	case has(words, "owner", "assignee", "createdby", "modifiedby", "rep", "sdr", "csm") && !company || has(words, "owner"):
		return refuse("colleague")
	case has(words, "previous", "former", "past") && has(words, "title", "company", "job", "position", "employer", "name"):
		return refuse("earlier")
	case mail && has(words, "personal", "private", "perso", "privat", "home", "personnel", "privé", "particular"):
		return refuse("private")
	case mail && has(words, "status", "confidence", "validation", "verification", "score", "source", "type", "label", "quality", "sent", "opened", "open", "bounced", "clicked", "replied", "ai", "date", "domain", "provider", "count"):
		return refuse("about")
	case mail && has(words, "company", "organization", "organisation", "account") && !has(words, "work", "person", "contact"):
		return refuse("companymail")
	case has(words, "facebook", "twitter", "instagram", "xing", "github") && !mail:
		return refuse("network")
	}
	return linkedIn(words, company)
}

// consents reads "Email consent", "Newsletter Opt-in": one of its words, or two
// that follow each other, mean a consent. Not that of telephones, nor when it
// was given.
func consents(words []string) bool {
	if has(words, "sms", "phone", "call", "calls", "telefon", "whatsapp", "date", "time", "at", "timestamp", "source", "ip", "url", "method", "type", "basis", "text", "version", "id", "datum", "fecha", "data") {
		return false
	}
	means := func(folded string) bool {
		return slices.ContainsFunc(lookUp(folded), func(m meaning) bool { return m.kind == consent })
	}
	for i := range words {
		if means(words[i]) || i > 0 && means(words[i-1]+words[i]) {
			return true
		}
	}
	return false
}

// tellsStatus reads "Email Status", "Subscription Status", "Status": how the address of
// the person stands, or their subscription. Another address, a telephone or a company
// is not the person's, and octave_status is about a call.
func tellsStatus(words []string) bool {
	if slices.Equal(words, []string{"octave", "reason"}) { // of a row that was held back
		return true
	}
	if has(words, "phone", "call", "calls", "mobile", "sms", "telephone", "telefon", "whatsapp", "fax", "linkedin", "secondary", "tertiary", "other", "personal", "private", "home",
		"2", "3", "4", "5", "company", "account", "organization", "organisation", "employer", "domain", "website", "deal", "order", "previous", "octave",
		"ticket", "support", "membership", "vaccination", "employment", "enrollment", "benefits", "marital", "direct", "postal") {
		return false
	}
	return has(words, "status", "statut", "estado", "stato", "subscription", "subscriber", "deliverability", "verification", "validation", "bounced", "bounce", "zustellbarkeit")
}

// askedOf is what a yes says in a column about a status: "Email Bounced", "Email
// Opt-out Status".
func askedOf(words []string) person.Status {
	switch {
	case has(words, "optout", "unsubscribe", "unsubscribed") || has(words, "opt") && has(words, "out"):
		return person.Stop
	case has(words, "bounced"):
		return person.BadMail
	}
	return ""
}

// linkedIn reads the many names of the column for a person's profile.
func linkedIn(words []string, company bool) []meaning {
	if !has(words, "linkedin", "linked", "li") {
		return nil
	}
	why := whys()
	switch {
	case company || has(words, "organizations"):
		return []meaning{{kind: never, why: why["companypage"]}}
	case has(words, "sales", "navigator", "unique", "id", "slug", "vmid"):
		return []meaning{{kind: never, why: why["opaque"]}}
	case has(words, "headline"):
		return []meaning{{kind: never, why: why["description"]}}
	case all(words, "linkedin", "linked", "li", "url", "urls", "profile", "profil", "link", "page", "public", "person", "contact", "prospect", "lead", "member", "address",
		"handle", "website", "user", "candidate", "attendee", "decision", "maker", "recipient", "input", "in", "de", "du", "del", "do", "di", "perfil", "profilo", "profiel", "adresse"):
		return []meaning{{field: person.LinkedInProfile, rank: 5000}}
	}
	return nil
}

// Words that stand before or behind the name of a field and change nothing.
func objects() []string {
	return []string{"contact", "contacts", "person", "people", "prospect", "prospects", "attendee", "participant", "registrant", "delegate", "visitor", "lead", "leads", "recipient",
		"candidate", "customer", "primarycontact", "decisionmaker"}
}

func firstRate() []string {
	return []string{"1", "primary", "main", "work", "business", "professional", "pro", "value", "contact", "company", "recommended", "verified", "valid", "corporate",
		"geschäftlich", "default"}
}

func secondRate() []string {
	return []string{"2", "3", "4", "5", "secondary", "other", "alternate", "alternative", "additional"}
}

// shorter looks a header up without the words around the name of the field:
// "Person - First name", "Work Email #1", "Emails".
func shorter(words []string) []meaning {
	type form struct {
		words   []string
		penalty int
	}
	queue, seen := []form{{words, 0}}, map[string]bool{}
	add := func(f form) {
		if key := strings.Join(f.words, " "); len(f.words) > 0 && !seen[key] {
			seen[key] = true
			queue = append(queue, f)
		}
	}
	for len(queue) > 0 {
		f := queue[0]
		queue = queue[1:]
		folded := strings.Join(f.words, "")
		if m := lookUp(folded); m != nil && f.penalty > 0 && !unfit(m, words, f.words) {
			return outranked(m, f.penalty)
		}
		first, last := f.words[0], f.words[len(f.words)-1]
		if m := companys(f.words); m != nil {
			return outranked(m, f.penalty+1)
		}
		for n := 1; n <= 2 && n < len(f.words); n++ {
			if slices.Contains(objects(), strings.Join(f.words[:n], "")) {
				add(form{f.words[n:], f.penalty + 2})
			}
		}
		if slices.Contains(firstRate(), first) && first != "contact" && first != "company" && first != "value" {
			add(form{f.words[1:], f.penalty + 3})
		}
		switch {
		case slices.Contains(firstRate(), last):
			add(form{f.words[:len(f.words)-1], f.penalty + 1})
		case slices.Contains(secondRate(), last):
			add(form{f.words[:len(f.words)-1], f.penalty + 5000})
		}
		if single := singular(last); single != "" {
			add(form{append(slices.Clone(f.words[:len(f.words)-1]), single), f.penalty + 4})
		}
	}
	return nil
}

// singular is a word without the s of many, empty when it has none.
func singular(word string) string {
	switch {
	case strings.HasSuffix(word, "sses"):
		return strings.TrimSuffix(word, "es")
	case strings.HasSuffix(word, "s") && len(word) > 3 && !strings.HasSuffix(word, "ss"):
		return strings.TrimSuffix(word, "s")
	}
	return ""
}

// outranked are the same meanings, behind the plain name of the field.
func outranked(list []meaning, penalty int) []meaning {
	list = slices.Clone(list)
	for i := range list {
		list[i].rank += penalty
	}
	return list
}

// unfit says that a shorter name means something else than the longer one did.
func unfit(list []meaning, words, rest []string) bool {
	if len(rest) == 1 && has(rest, "id", "name", "owner", "source", "status", "type", "mail", "web", "site", "url", "internet", "first", "last", "role", "function", "account", "web") {
		// "Customer ID" is no id of a contact; "Person - Name" is a name, "Lead - Name" a company.
		return !(has(rest, "name") && has(words[:1], "contact", "person", "prospect", "attendee", "participant", "registrant", "delegate", "visitor", "recipient", "candidate", "primary")) &&
			!has(rest, "owner")
	}
	return slices.ContainsFunc(list, func(m meaning) bool { return m.kind == anyID })
}

// companys reads "Account: Account Name", "Employer Domain", "organization.name".
func companys(words []string) []meaning {
	rest := words
	for _, prefix := range [][]string{{"job", "company"}, {"current", "company"}, {"primary", "organization"}, {"associated", "company"}, {"company"}, {"account"}, {"organization"}, {"organisation"},
		{"employer"}, {"employment"}, {"firma"}, {"empresa"}} {
		if len(words) > len(prefix) && slices.Equal(words[:len(prefix)], prefix) {
			rest = words[len(prefix):]
			break
		}
	}
	if len(rest) == len(words) {
		return nil
	}
	if len(rest) > 1 && has(rest[:1], "account", "company", "organization", "organisation", "primary") {
		rest = rest[1:]
	}
	switch {
	case has(rest, "linkedin", "linked", "li", "facebook", "twitter", "phone", "email", "owner", "id"):
		return nil
	case slices.Equal(rest, []string{"name"}):
		return []meaning{{field: person.CompanyName, rank: 4000}}
	case all(rest, "domain", "website", "url", "web", "site", "homepage", "page", "name") && has(rest, "domain", "website", "url", "site", "homepage"):
		return []meaning{{field: person.CompanyDomain, rank: 4000}}
	}
	return nil
}

// question finds the name of a field inside a question of a form. It is a guess.
func question(header string, words []string) []meaning {
	if len(words) < 4 && !strings.ContainsAny(header, "?？") {
		return nil
	}
	if len(words) > 16 {
		return nil
	}
	for size := 3; size > 0; size-- {
		for i := 0; i+size <= len(words); i++ {
			if size == 1 && !has(words[i:i+1], "email", "surname", "company", "linkedin", "website", "vorname", "nachname", "prénom", "unternehmen", "firma") {
				continue
			}
			for _, m := range lookUp(strings.Join(words[i:i+size], "")) {
				if m.kind == feeds && m.field != "" && m.field != person.Lang && !strings.HasPrefix(string(m.field), "crm") {
					m.rank, m.guess = m.rank+8000, true
					return []meaning{m}
				}
			}
		}
	}
	return nil
}

// namesThing says whether a header speaks of what has names too, such as a list.
func namesThing(words []string) bool {
	return has(words, "company", "account", "organization", "organisation", "business", "list", "campaign", "product", "file", "event", "group", "school", "university", "stage",
		"pipeline", "industry", "city", "country", "state", "region", "street", "address", "sequence", "segment", "source", "brand", "domain", "user", "username", "technology", "keyword",
		"type", "status", "tag", "tags", "method", "reason", "role", "priority", "note", "notes", "function", "department", "level", "phase", "channel", "category", "owner", "currency",
		"title", "location", "territory", "ort", "stadt", "land", "ville", "pays", "ciudad", "cidade", "città", "firma", "firmenname", "empresa", "azienda", "bedrijf", "produkt", "kampagne")
}

// namesPerson says whether a header speaks of a person or a name.
func namesPerson(words []string) bool {
	return has(words, "person", "speaker", "attendee", "participant", "guest", "who", "representative", "ceo", "founder", "member", "teilnehmer", "referent") ||
		slices.ContainsFunc(words, func(w string) bool {
			return slices.ContainsFunc(lookUp(w), func(m meaning) bool {
				return m.kind == eitherFirst || m.kind == eitherLast || m.kind == feeds && slices.Contains([]person.Field{person.FirstName, person.LastName, person.FullName}, m.field)
			})
		})
}
