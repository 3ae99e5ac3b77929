// What a person should look at before a message is sent. Each rule takes a
// message {subject, body, html, empty, no_cta, first} and says whether it is hit.
const placeholder = /\{\{[^{}]*\}\}|\{%[^%]*%\}|\{\p{L}[\p{L}\p{N} _.-]{0,39}\}|\[\p{L}[\p{L}\p{N} _'’./-]{0,39}\](?!\()|<(first|last|full)?[ _-]?(name|company|title)>|%[A-Z][A-Z_]{2,}%|\b(lorem ipsum|TODO|TBD|XXX)\b/u;
const link_ = /https?:\/\/|www\./i;
const asks = /\?|\b(let me know|reply|book|schedule|call me|reach out|grab|chat|meet)\b/i;
const shouting = /\b[A-ZÄÖÜ]{4,}\b(?:\W+\b[A-ZÄÖÜ]{4,}\b)+/;
const spam = /!{2,}|\?{2,}|\${2,}|€{2,}|\b100 ?%|\bfree\s*!/i;
const longSubject = 60, longBody = 200;

const rules = [
  ["placeholder", "unresolved placeholder", (m) => placeholder.test(m.subject) || placeholder.test(m.text)],
  ["no subject", "the first message has no subject", (m) => m.first && !m.subject.trim()],
  ["long subject", `subject over ${longSubject} characters`, (m) => [...m.subject].length > longSubject],
  ["empty body", "no text", (m) => !m.text.trim()],
  ["empty part", "a section without text", (m) => m.empty && m.empty.some((part) => part !== "cta")],
  ["no call to action", "asks for nothing", (m) => m.no_cta || (m.text.trim() && !asks.test(m.text) && !link_.test(m.text))],
  ["spam", "punctuation that spam filters know", (m) => spam.test(m.subject) || spam.test(m.text) || m.subject.includes("!")],
  ["capitals", "words in capitals", (m) => shouting.test(m.subject) || shouting.test(m.text)],
  ["long", `over ${longBody} words`, (m) => m.words > longBody],
];

// plainText reads the text off HTML without running or loading any of it.
function plainText(body) {
  return new DOMParser().parseFromString(body.replace(/<(br|\/p|\/div|\/li|\/h\d)\b[^>]*>/gi, "$&\n"), "text/html").body.textContent;
}

const countWords = (text) => (text.match(/[\p{L}\p{N}][\p{L}\p{N}'’.@&/-]*/gu) || []).length;

function lint(message, first) {
  const text = message.html ? plainText(message.body) : message.body;
  const m = { ...message, text, first, words: countWords(text) };
  return { words: m.words, warnings: rules.filter(([, , hit]) => hit(m)).map(([name]) => name) };
}

const explain = (name) => (rules.find(([rule]) => rule === name) || [, name])[1];
