package person

import (
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// isHost says whether an ASCII name can be the host of a company's mail or
// site: labels and at least one dot, not a public suffix alone, no number.
func isHost(host string) bool {
	dot := strings.LastIndexByte(host, '.')
	if dot <= 0 || dot == len(host)-1 || strings.Contains(host, "..") || len(host) > 253 {
		return false
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	if last := host[len(host)-1]; last >= '0' && last <= '9' && strings.Trim(host[dot+1:], "0123456789") == "" {
		return false // an IP address
	}
	return !isSuffix(host)
}

// isSuffix says whether host is a public suffix such as co.uk.
func isSuffix(host string) bool {
	switch host[strings.LastIndexByte(host, '.')+1:] {
	case "com", "net", "org":
		return false // nearly all hosts; no registry sells names below these
	}
	suffix, icann := publicsuffix.PublicSuffix(host)
	return icann && suffix == host
}

// cleanDomain takes the host out of a web address, in ASCII and without www.
func cleanDomain(cell string) (string, Flaw) {
	if host := plainHost(cell); host != "" {
		return checkDomain(host)
	}
	s, _ := Text(cell)
	if s == "" {
		return "", NoFlaw
	}
	s = strings.ToLower(s)
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	}
	if end := strings.IndexAny(s, "/?#"); end >= 0 {
		s = s[:end]
	}
	s = s[strings.LastIndexByte(s, '@')+1:]
	s, _, _ = strings.Cut(s, ":")
	s = strings.TrimPrefix(strings.TrimSuffix(s, "."), "www.")
	if s != "" && !isASCII(s) {
		host, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return "", Malformed
		}
		s = host
	}
	return checkDomain(s)
}

// plainHost is the fast way to the host of an address in lower case ASCII
// without user, port and query; it returns nothing for any other text.
func plainHost(s string) string {
	s = strings.TrimPrefix(s, "http://")
	s = strings.TrimPrefix(s, "https://")
	s = strings.TrimPrefix(s, "www.")
	dot := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
		case c == '.':
			dot = true
		case c == '/' && dot && s[i-1] != '.' && strings.IndexByte(s[i:], '@') < 0:
			return s[:i]
		default:
			return ""
		}
	}
	if !dot || s[len(s)-1] == '.' {
		return ""
	}
	return s
}

// checkDomain judges a host in ASCII.
func checkDomain(s string) (string, Flaw) {
	switch {
	case !isHost(s):
		return "", Malformed
	case isSocialHost(s):
		return "", SocialHost
	case IsFreeMail(s):
		return "", FreeMail
	}
	return s, NoFlaw
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// IsFreeMail says whether a domain belongs to a mail provider, so that it
// says nothing about a company.
func IsFreeMail(domain string) bool {
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

// IsSharedInbox says whether an address is read by more than one person.
func IsSharedInbox(address string) bool {
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
