package writer

import "strings"

// presets are the senders, a function each. What is known of a sender comes from its own pages and from those of its
// partners; where they are in doubt, next says to send one to yourself first.
func presets() []*preset {
	return []*preset{smartlead(), instantly(), lemlist(), hubspot(), outreach(), apollo(), emailbison(), reply()}
}

func smartlead() *preset {
	return &preset{
		name: "smartlead", title: "Smartlead",
		person: []column{
			{"email", email}, {"first_name", firstName}, {"last_name", lastName}, {"company_name", companyName},
			{"company_url", website}, {"website", website}, {"linkedin_profile", linkedIn},
		},
		subject: "email_subject_#", body: "email_body_#", breaks: "<br>", variable: braces,
		tag: `%[\p{L}-]{3,}%`, own: `%(?:signature|sender-[a-z-]+)%`, // tags that it fills in itself
		next: [3]string{
			"upload {file} to the campaign; map {columns} as custom fields",
			"{steps}; {thread}",
			"send one to yourself first: paragraphs, signature, no braces; then start",
		},
	}
}

func instantly() *preset {
	return &preset{
		name: "instantly", title: "Instantly",
		person: []column{
			{"email", email}, {"first_name", firstName}, {"last_name", lastName}, {"company_name", companyName},
			{"job_title", jobTitle}, {"website", website},
		},
		subject: "email_subject_#", body: "email_body_#", breaks: "<br />", variable: braces,
		maxName: 20, maxColumns: 50,
		next: [3]string{
			"upload {file}; map {columns} as custom variables, the others to the fields of their names",
			"{steps}, and nothing else in a body; {thread}",
			"preview three leads, save each step, launch",
		},
	}
}

func lemlist() *preset {
	return &preset{
		name: "lemlist", title: "lemlist",
		person: []column{
			{"email", email}, {"firstName", firstName}, {"lastName", lastName}, {"companyName", companyName},
			{"companyDomain", domain}, {"linkedinUrl", linkedIn},
		},
		subject: "emailSubject#", body: "emailBody#", breaks: "<br>", variable: braces,
		next: [3]string{
			"import {file} into the campaign; keep the names of {columns} as they are",
			"{steps}; {thread}",
			"read three leads in the review, then launch",
		},
	}
}

func hubspot() *preset {
	return &preset{
		name: "hubspot", title: "HubSpot",
		person: []column{
			{recordIDColumn, recordID}, {"Email", email}, {"First Name", firstName}, {"Last Name", lastName},
			{"Job Title", jobTitle}, {"Company Name", companyName},
		},
		subject: "Octave Email # Subject", body: "Octave Email # Body", variable: quoted,
		define: &properties{of: "properties of contacts", subject: "single-line text", body: "multi-line text"}, replies: true,
		next: [3]string{
			"create the properties, then import {file} and map the columns",
			"one template a step, with tokens from the menu: {steps}; {thread}",
			"send one to yourself first and look at the paragraphs; then enrol, 50 at a time",
		},
	}
}

func outreach() *preset {
	return &preset{
		name: "outreach", title: "Outreach",
		person: []column{
			{"Email", email}, {"First Name", firstName}, {"Last Name", lastName}, {"Title", jobTitle},
			{"Company", companyName}, {"Account", companyName}, {tagsColumn, nothing},
		},
		subject: "Custom #", body: "Custom #", first: 10, last: 150, breaks: "<br>", replies: true, maxText: 30000,
		variable: func(name string) string {
			return "{{" + strings.ToLower(strings.ReplaceAll(name, " ", "")) + "}}"
		},
		next: [3]string{
			"have an admin give {columns} a label, then create prospects in bulk from {file} and map them",
			"take the variables from the menu: {steps}; {thread}",
			"filter by the tag {tag}, add to the sequence, send one to yourself first",
		},
	}
}

func apollo() *preset {
	return &preset{
		name: "apollo", title: "Apollo",
		person: []column{
			{"First Name", firstName}, {"Last Name", lastName}, {"Title", jobTitle}, {"Company Name", companyName},
			{"Company Website", bareDomain}, {"Contact LinkedIn URL", linkedIn}, {"Contact Email", email},
		},
		subject: "Octave Subject #", body: "Octave Body #", breaks: "<br />", replies: true, maxRows: 10000,
		variable: func(name string) string { return "{{" + strings.ReplaceAll(name, " ", "_") + "}}" },
		define:   &properties{of: "fields of contacts", subject: "text area", body: "text area"},
		next: [3]string{
			"create the fields, then import {file}, map the columns and save to a list",
			"{steps}; {thread}",
			"send one to yourself first; after an hour look into Not Sent",
		},
	}
}

func emailbison() *preset {
	return &preset{
		name: "emailbison", title: "EmailBison",
		person: []column{
			{"first_name", firstName}, {"last_name", lastName}, {"email", email}, {"title", jobTitle},
			{"company", companyName}, {"notes", nothing},
		},
		subject: "subject_#", body: "body_#", breaks: "<br>", replies: true, needs: []string{"first_name", "last_name"},
		tag:      `\{[^{}]*\}`, // single braces
		variable: func(name string) string { return "{" + strings.ToUpper(name) + "}" },
		define:   &properties{of: "custom variables of the workspace"},
		next: [3]string{
			"create the variables, then upload {file} and map the columns",
			"{steps}, each body between <p> and </p>; {thread}",
			"send one to yourself first, and look for braces and blanks in the scheduled emails before you start",
		},
	}
}

func reply() *preset {
	return &preset{
		name: "reply", title: "Reply.io",
		person: []column{
			{"Email", email}, {"First Name", firstName}, {"Last Name", lastName}, {"Company", companyName}, {"Title", jobTitle},
		},
		subject: "email_subject_#", body: "email_body_#", breaks: "<br />", needs: []string{"First Name"}, maxColumns: 50,
		variable: braces,
		next: [3]string{
			"in the sequence, import {file} under People, with Email as the identifier; add {columns} as custom fields",
			"{steps}; {thread}",
			"send one to yourself first, then start",
		},
	}
}

// notPresets are senders that somebody may ask for, and why there is no preset.
func notPresets() map[string]string {
	const unsure = "what its import does with a whole message is not known"
	return map[string]string{
		"salesloft":       "its custom fields take neither HTML nor line breaks, so that a message does not fit",
		"lagrowthmachine": "its attributes take 250 characters, so that a message does not fit",
		"heyreach":        "it sends no email",
		"woodpecker":      "whether its snippets keep line breaks is not known, and it has 15 of them",
		"klenty":          unsure,
		"mixmax":          unsure,
		"quickmail":       unsure,
		"saleshandy":      unsure,
		"mailshake":       unsure,
		"gmail":           "it sends one message a row of a sheet, not a sequence",
		"gmass":           "it sends one message a row of a sheet, not a sequence",
		"yamm":            "it sends one message a row of a sheet, not a sequence",
		"mailmeteor":      "it sends one message a row of a sheet, not a sequence",
		"outlook":         "a mail merge has one subject for all",
	}
}
