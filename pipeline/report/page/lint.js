// What a person should look at before a message is sent: the lines of the table, which the export reads too, and what is
// counted here alone.
const longSubject = 60, longBody = 200;
const lines = patterns.lines.map((l) => ({ ...l, find: new RegExp(l.find, l.fold ? "iu" : "u"), except: l.except && new RegExp(l.except, l.fold ? "giu" : "gu") }));
const languages = patterns.languages.map((l) => ({ lang: l.lang, words: new Set(l.words.split(" ")), asks: new RegExp(l.asks, "iu") }));
const asksAnywhere = /[?？¿]|https?:\/\/|www\./i;

const counted = [
  ["long subject", `subject over ${longSubject} characters`, (m) => [...m.subject].length > longSubject],
  ["empty part", "a section without text", (m) => m.empty && m.empty.length > 0],
  ["no call to action", "asks for nothing", (m) => m.text.trim() && !asks(m)],
  ["long", `over ${longBody} words`, (m) => m.words > longBody],
];
const rules = [...new Map([...lines.map((l) => [l.name, l.why]), ...counted])];

function hit(line, text, small = line.fold ? text.toLowerCase() : text) {
  if (line.has && !line.has.some((part) => (line.fold ? small : text).includes(part))) return false;
  return line.find.test(text) && (!line.except || line.find.test(text.replace(line.except, " ")));
}

// whys are the lines that are about a text of a message, {name: why}, the first of a name.
function whys(text, part, format) {
  const found = {}, small = text.toLowerCase();
  for (const line of lines)
    if (!(line.name in found) && line.in.includes(part) && line.not !== format && hit(line, text, small)) found[line.name] = line.why;
  return found;
}

// asks says whether a message asks for something, or is in a language of which that is not known.
function asks(m) {
  if (asksAnywhere.test(m.text) || asksAnywhere.test(m.body)) return true;
  const language = m.lang ? languages.find((l) => m.lang.toLowerCase().split(/[-_]/)[0] === l.lang) : guess(m.text);
  return !language || language.asks.test(m.text);
}

// guess takes the language whose words are the most of a text, when they are more than a few.
function guess(text) {
  const words = text.toLowerCase().match(/\p{L}+/gu) || [];
  let best = null, most = 2;
  for (const l of languages) {
    const n = words.filter((w) => l.words.has(w)).length;
    if (n > most) [best, most] = [l, n];
  }
  return best;
}

// plainText reads the text off HTML without running or loading any of it.
function plainText(body) {
  return new DOMParser().parseFromString(body.replace(/<(br|\/p|\/div|\/li|\/h\d)\b[^>]*>/gi, "$&\n"), "text/html").body.textContent;
}

const countWords = (text) => (text.match(/[\p{L}\p{N}][\p{L}\p{N}'’.@&/-]*/gu) || []).length;

const formatOf = (m) => (m.html ? "html" : m.markdown ? "markdown" : "text");

// lint takes a message {subject, body, html, markdown, empty} and the language that was asked for.
function lint(message, first, lang) {
  const text = message.html ? plainText(message.body) : message.body;
  const format = formatOf(message);
  const m = { ...message, text, lang, words: countWords(text) };
  const found = {
    ...(first ? whys(m.subject, "first subject", format) : {}), ...(m.subject ? whys(m.subject, "subject", format) : {}), ...whys(m.body, "body", format),
    ...Object.fromEntries(counted.filter(([, , is]) => is(m)).map(([name, why]) => [name, why])),
  };
  return { words: m.words, warnings: Object.keys(found), whys: found };
}
