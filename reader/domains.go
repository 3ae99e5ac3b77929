package reader

import "strings"

// isFreeMail says whether a domain belongs to a mail provider, so that it
// says nothing about a company.
func isFreeMail(domain string) bool {
	switch domain {
	case "gmail.com", "googlemail.com", "yahoo.com", "ymail.com", "rocketmail.com", "outlook.com", "hotmail.com", "live.com",
		"msn.com", "icloud.com", "me.com", "mac.com", "aol.com", "proton.me", "protonmail.com", "pm.me", "gmx.com", "gmx.net",
		"gmx.de", "gmx.at", "gmx.ch", "web.de", "t-online.de", "freenet.de", "mail.com", "email.com", "zoho.com", "yandex.com",
		"yandex.ru", "mail.ru", "bk.ru", "inbox.ru", "list.ru", "rambler.ru", "qq.com", "163.com", "126.com", "sina.com",
		"foxmail.com", "naver.com", "daum.net", "hanmail.net", "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "sfr.fr",
		"libero.it", "virgilio.it", "tiscali.it", "alice.it", "uol.com.br", "bol.com.br", "terra.com.br", "wp.pl", "o2.pl",
		"onet.pl", "interia.pl", "seznam.cz", "centrum.cz", "btinternet.com", "sky.com", "talktalk.net", "virginmedia.com",
		"comcast.net", "verizon.net", "att.net", "sbcglobal.net", "cox.net", "charter.net", "bellsouth.net", "earthlink.net",
		"rediffmail.com", "fastmail.com", "hey.com", "tutanota.com", "tuta.com", "bluewin.ch", "ziggo.nl", "kpnmail.nl",
		"planet.nl", "home.nl", "telenet.be", "skynet.be", "telia.com", "docomo.ne.jp", "ezweb.ne.jp", "softbank.ne.jp":
		return true
	}
	name, rest, _ := strings.Cut(domain, ".")
	switch name {
	case "yahoo", "hotmail", "outlook", "live": // yahoo.co.uk, hotmail.fr
		return isSuffix(rest)
	}
	return false
}

// isSocialHost says whether a host is a network's: a page there is not the
// company's own site.
func isSocialHost(host string) bool {
	for _, network := range [...]string{"linkedin.com", "lnkd.in", "facebook.com", "fb.com", "fb.me", "x.com", "twitter.com", "t.co", "instagram.com"} {
		if rest, ok := strings.CutSuffix(host, network); ok && (rest == "" || strings.HasSuffix(rest, ".")) {
			return true
		}
	}
	return false
}

// isPlaceholderAddress says whether an address is what a tool or a person
// writes for want of one.
func isPlaceholderAddress(local, host string) bool {
	switch local {
	case "email_not_unlocked", "not_unlocked", "email_not_found", "noemail", "no_email", "no-email", "nomail":
		return true
	case "test", "none", "na", "n/a", "null", "email", "name", "example", "user", "xxx", "a":
		switch host {
		case "test.com", "none.com", "na.com", "null.com", "email.com", "domain.com", "example.com", "company.com", "xxx.com", "a.com":
			return true
		}
	}
	return false
}

// isEmailPlaceholder says whether a text stands for a missing address.
func isEmailPlaceholder(s string) bool {
	switch strings.Trim(s, " .!") {
	case "no email found", "no email", "email not found", "not found", "not available", "not unlocked", "email not unlocked",
		"locked", "no work email found", "no result", "no results", "no data", "no match", "not verified", "missing", "hidden":
		return true
	}
	return false
}

// isSharedInbox says whether an address is read by more than one person.
func isSharedInbox(address string) bool {
	local, _, _ := strings.Cut(address, "@")
	switch local {
	case "info", "contact", "contacts", "hello", "hi", "mail", "office", "sales", "support", "help", "helpdesk", "service",
		"admin", "administrator", "webmaster", "postmaster", "hostmaster", "abuse", "noreply", "no-reply", "donotreply",
		"billing", "accounts", "accounting", "finance", "hr", "jobs", "careers", "recruiting", "press", "media", "marketing",
		"team", "enquiries", "inquiries", "reception", "kontakt", "buero", "verkauf", "vertrieb", "contacto", "contato",
		"ventas", "commercial", "accueil", "orders", "legal", "privacy", "security":
		return true
	}
	return false
}
