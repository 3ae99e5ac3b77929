package lint

import "testing"

// A kind of unfinished text, as a person would name it: what was seen of it in bodies, which must not be sent, and real text
// that looks like it. Which line of the table finds it does not matter here.
type kind struct {
	name           string
	held, finished []string
	where          int // in a body it is found
}

const (
	anywhere = iota
	atItsBeginning
	alone
)

func kinds() []kind {
	return []kind{
		{
			"words in square brackets",
			[]string{
				"I saw [Company Name] grow.", "[Your Name]", "[First name]", "[INSERT METRIC]", "[INSERT RELEVANT METRIC HERE]", "[X]% growth", "[firma_name]",
				"[number]", "[company]", "Hi [First Name],", "[Your Name]\n[Your Title]", "[NAME]", "[Recipient's Name]", "[Prospect Company]", "[industry]",
			},
			[]string{
				"[sic] he said", "the [AI] company", "[Video]", "[EXTERNAL] mail", "array[i] is code", "our tool [so] is fun", "[optional]", "for $40 [net]",
				"\"[The company] grew\", she said", "[solidcore] is a studio", "[COVID-19]",
			},
			anywhere,
		},
		{
			"more than words in square brackets",
			[]string{
				"[1-2 sentences about their product]", "[1-2 sentences about what they do]", "[Company: Acme]", "[Company: ...]",
				"[your value proposition, e.g. speed]", "[your company's value proposition, e.g. faster onboarding]", "[$X]", "[•]", "[...]",
				"[something that goes on for more than forty characters in a row]", "[First\nName]", "[Your\r\nName]", "[2 sentences: why now]", "[XX%]",
			},
			[]string{
				"We saw [1] and [2] in the report.", "[1] https://example.com", "[$40] a seat", "[12]", "see [1, 2] and [3-5]", "it costs [€1,200]", "[a, b]",
			},
			anywhere,
		},
		{
			"square brackets, then a round one",
			[]string{"[Company Name](their site)", "[Your Link](insert link)", "[First Name] (their CEO)"},
			[]string{
				"[link](https://example.com)", "see [here](https://a.example)", "[text](https://example.com/a_(b))", "[Our Page](https://example.com/x)",
				"[Book A Time](www.example.com/t)", "[Write To Us](mailto:al@example.com)",
			},
			anywhere,
		},
		{
			"in other languages",
			[]string{
				"[Vorname]", "[Ihr Name]", "[Votre nom]", "[Tu nombre]", "[Adınız]", "[会社名]", "【会社名】", "[Prénom]", "Hallo [Nachname],", "【お名前】様", "[Il tuo nome]",
				"[Seu nome]", "[Uw naam]", "{Vorname}", "<Vorname>",
			},
			[]string{"Bonjour Ann, ça va ?", "【ご案内】", "[so] ist es", "[ndlr]"},
			anywhere,
		},
		{
			"double square brackets",
			[]string{"[[Company]]", "[[MISSING TOKEN - X]]", "[[MISSING TOKEN - EMAIL BODY]]", "[[first_name]]"},
			[]string{"a[b[0]]", "[1][2]", "if [ -f x ]"},
			anywhere,
		},
		{
			"angle brackets",
			[]string{
				"<First Name>", "<company>", "<<Name>>", "<<First Name>>", "<INSERT COMPANY>", "<INSERT one line>", "&lt;First Name&gt;", "<Your Company>",
				"&lt;company&gt;", "Hi <first_name>,", "<name>", "&lt;&lt;Name&gt;&gt;",
			},
			[]string{
				"a <b>bold</b> claim", "if x < y and y > z", "AT&T and R&D <3", "write to <ann@example.com>", "<https://example.com>", "x &lt; y",
				"&lt;ann@example.com&gt;",
			},
			anywhere,
		},
		{
			"curly brackets",
			[]string{
				"{{first_name}}", "{first_name}", "{First Name}", "${firstName}", "#{x}", "#{first_name}", "{%if%}", "{%if x%}", "{{{x}}}", "{company.name}",
				"{{ firstName | default: 'there' }}", "{FIRST_NAME}", "{name}", "{companyName}",
			},
			[]string{"costs $40 {about}", "{about} it", "the set {a, b}"},
			anywhere,
		},
		{
			"more than a name in curly brackets",
			[]string{"{0}", "{firstName, fallback=there}", "{first_name", "Hi {first_name how are you", "{1}"},
			[]string{"function() { return }", "{ a: 1 }", "{\"a\": 1}", "{\"name\": \"Ann\", \"age\": 3}", "{name: 1}"},
			anywhere,
		},
		{
			"words to choose from",
			[]string{"{Hi|Hello}", "{{RANDOM|a|b}}", "{spin}a|b{endspin}", "{Hi|{Hello|Hey}} Ann"},
			[]string{"a|b without braces", "Q3|Q4 results", "{\"a\": 1} and a|b"},
			anywhere,
		},
		{
			"percent signs and other marks",
			[]string{
				"%FIRSTNAME%", "%first_name%", "%signature%", "%name%", "%%name%%", "%%first_name%%", "*|FNAME|*", "@@name@@", "-firstName-", "Hi -firstName-,",
				"#FirstName#",
			},
			[]string{
				"growth of 40% and 20% margin", "https://example.com/a%20b%20c", "https://example.com/?q=a%2Fname%2Fb", "5% more, 10% less", "state-of-the-art",
				"*really*", "ann@example.com", "#SalesOps #GoToMarket",
			},
			anywhere,
		},
		{
			"blanks and capitals",
			[]string{"____", "Hi ____,", "__NAME__", "FIRST_NAME", "COMPANY_NAME", "Hi FIRST_NAME, COMPANY_NAME grew", "__COMPANY__"},
			[]string{"__init__", "snake_case and __init__", "our API_KEY", "MAX_SIZE", "Best,\n______________________\nAnn"},
			anywhere,
		},
		{
			"notes to the writer",
			[]string{
				"TODO", "TODO: add proof point", "TBD", "XXX", "XXX% of teams", "lorem ipsum dolor", "Lorem Ipsum", "INSERT COMPANY HERE", "INSERT CASE STUDY HERE",
				"(insert case study)", "Your Name\nYour Company", "Best,\nYour Name",
			},
			[]string{"Xxxtra and TODO app Todoist", "XXXL", "XXXL shirts", "date: TBD", "Todoist", "todo el mundo", "insert it here", "the TODO list"},
			anywhere,
		},
		{
			"gaps of a template",
			[]string{
				"Hi ,", "Dear ,", "you do at .", "Hi there , at .", "Hi null,", "undefined", "NaN% of teams", "how null% of teams", "N/A", "Hello undefined,",
				"Hi None,", "Hi &nbsp;,", "<p>Hi ,</p>", "what you do at null.",
			},
			[]string{
				"a null value is no value", "we look for null values", "undefined behaviour is our thing", "a banana", "the .NET team", "at .NET shops",
				"null is a value", "Hi, Ann",
			},
			anywhere,
		},
		{
			"words of the model",
			[]string{"As an AI language model, I cannot", "**bold** text", "## Why now\ntext", "```\nHi Ann\n```"},
			[]string{"As an AI company, we", "our language model", "5 * 3 ** 2", "#1 in its field"},
			anywhere,
		},
		{
			"how the model begins",
			[]string{
				"Subject: Hello", "Subject: Hello\n\nHi Ann", "Here is the email", "Here is the email:", "Here is the email:\nHi", "Sure! Here's your email:\nHi",
			},
			[]string{
				"The subject: you", "Here is what we do:", "subject to approval",
				"Here is the email that I meant when we spoke last week about it.",
			},
			atItsBeginning,
		},
		{
			"the model refuses",
			[]string{
				"I'm sorry, but I can't help with that.", "I’m sorry, but I can’t assist with that request.", "Sorry, I can't help with that.", "I cannot assist with this.",
				"I'm sorry, but I cannot create this email.", "I'm sorry, but I can't write a personalized sales email for this person.", "I am unable to provide that content.",
				"I am unable to help with this request.", "I'm not able to generate outreach messages about this person.", "I can't fulfill that request.", "I can’t comply with this request.",
				"I apologize, but I cannot provide an email sequence.", "I'm sorry, but I can't comply.",
			},
			[]string{
				"I'm sorry I missed you", "Sorry, I can't make Tuesday", "Sorry, I can't make it on Tuesday, but Wednesday is fine.", "I'm sorry, but I can't make Tuesday.",
				"I can't help but admire your launch", "I'm sorry to write out of the blue", "I cannot promise miracles, but we can help with that.", "Unfortunately, I was out last week",
				"I can't write to you without a word on your round", "We can't help with that backlog, but Bob can",
			},
			atItsBeginning,
		},
		{
			"characters that nobody sees",
			[]string{"\u200b\u200b", "\u2060", "a\u200bb", "pay\u202eattention", "<p>\u200b</p>", "&#8203;", "&#x200B;", "\ufeff"},
			[]string{"👩‍💻", "👩‍💻 shipped", "naïve", "می\u200cخواهم", "שלום", "a&nbsp;b"},
			anywhere,
		},
		{
			"nothing to read",
			[]string{"", " \n", "&nbsp;", "<p></p>", "<p>&nbsp;</p><br>", "\u3164"},
			[]string{"a", "👍", "<p>a</p>"},
			alone,
		},
	}
}

// Every kind is held in the body of a message, and what only looks like it is sent.
func TestKinds(t *testing.T) {
	r := rule(t)
	for _, k := range kinds() {
		if len(k.held) == 0 || len(k.finished) == 0 {
			t.Errorf("%s: needs examples and counter-examples", k.name)
		}
		for _, text := range k.held {
			for _, body := range bodies(text)[:3-k.where] {
				if _, flaw := r.Flaws("Hi", body, true, Text); flaw == "" {
					t.Errorf("%s: would be sent: %q", k.name, body)
				}
			}
		}
		for _, text := range k.finished {
			for _, body := range bodies(text) {
				if _, flaw := r.Flaws("Hi", body, true, Text); flaw != "" {
					t.Errorf("%s: is held for a %s: %q", k.name, flaw, body)
				}
			}
		}
	}
}

// bodies are the text alone, at the beginning of a body, and after a greeting.
func bodies(text string) []string {
	return []string{text, text + "\nBest,\nBob", "Hi Ann,\n" + text}
}
