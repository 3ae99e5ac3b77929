// The text of a message: warnings marked where they are, and what is known of the
// person underlined where it is used.
const everywhere = new Map(lines.map((l) => [l, new RegExp(l.find.source, l.find.flags + "g")]));

// places lists what to mark in a text: {from, to, node}.
function places(text, c, part, format) {
  const out = [];
  for (const line of lines) {
    if (!line.in.includes(part) || line.not === format || !hit(line, text)) continue;
    const seen = line.except ? text.replace(line.except, (m) => " ".repeat(m.length)) : text;
    for (const m of seen.matchAll(everywhere.get(line))) if (m[0].trim()) out.push({ from: m.index, to: m.index + m[0].length + toTheBrace(text, m), name: line.name, why: line.why });
  }
  const r = c.request || {};
  for (const [field, word] of [["first name", r.firstName], ["last name", r.lastName], ["company", r.companyName], ["title", r.jobTitle]]) {
    if (!word || word.length < 2) continue;
    for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length))
      if (isWord(text, at, at + word.length)) out.push({ from: at, to: at + word.length, field });
  }
  return out.sort((a, b) => a.from - b.from || Boolean(b.name) - Boolean(a.name) || b.to - a.to);
}

// toTheBrace is how many characters are left of a tag of which a pattern sees the opening alone.
const toTheBrace = (text, m) => (/[{%[]$/.test(m[0]) ? (text.slice(m.index + m[0].length).match(/^[^{}\n]{0,60}?\}+/) || [""])[0].length : 0);

// isWord says that a place is not in the middle of another word: Al is not in Also.
const letter = /[\p{L}\p{N}]/u;
const isWord = (text, from, to) => !letter.test(text[from - 1] || "") && !letter.test(text[to] || "");

// marked is a text as nodes.
function marked(text, c, part, format) {
  const nodes = [];
  let end = 0;
  for (const p of places(text, c, part, format)) {
    if (p.from < end) continue;
    nodes.push(text.slice(end, p.from));
    const words = text.slice(p.from, p.to);
    nodes.push(p.name ? h("mark", { title: `${p.name}: ${p.why}` }, words) : h("u", { title: `${p.field} of the contact` }, words));
    end = p.to;
  }
  return [...nodes, text.slice(end)];
}

// markdown draws the usual signs: headings, lists, bold, italic, code, links. A
// link shows where it leads and leads nowhere.
function markdown(text, mark) {
  const inline = (line) => line.split(/(\*\*[^*]+\*\*|\*[^*\s][^*]*\*|_[^_\s][^_]*_|`[^`]+`|\[[^\]]+\]\([^)\s]+\))/).map((part) => {
    if (/^\*\*.+\*\*$/.test(part)) return h("strong", {}, mark(part.slice(2, -2)));
    if (/^(\*.+\*|_.+_)$/.test(part)) return h("em", {}, mark(part.slice(1, -1)));
    if (/^`.+`$/.test(part)) return h("code", {}, part.slice(1, -1));
    const [, label, url] = part.match(/^\[([^\]]+)\]\(([^)\s]+)\)$/) || [];
    return url ? h("span", { class: "shown-link" }, mark(label), h("span", { class: "muted" }, ` (${url})`)) : mark(part);
  });
  return text.split(/\n{2,}/).map((block) => {
    const rows = block.split("\n"), item = /^\s*([-*+]|\d+[.)])\s+/, head = block.match(/^#{1,6}\s+(.*)$/);
    if (head) return h("p", {}, h("strong", {}, inline(head[1])));
    if (rows.every((row) => item.test(row))) return h(/^\s*\d/.test(block) ? "ol" : "ul", {}, rows.map((row) => h("li", {}, inline(row.replace(item, "")))));
    return h("p", {}, rows.flatMap((row, i) => [i ? h("br") : "", inline(row)]));
  });
}

// bodyOf shows a message as its recipient would see it.
function bodyOf(c, m) {
  if (m.html) return [frame(c, m.body), linksOf(m.body)];
  if (!m.markdown) return h("div", { class: "text", dir: "auto" }, marked(m.body, c, "body", "text"));
  const shown = h("div", { class: "text rich", dir: "auto" }, markdown(m.body, (t) => marked(t, c, "body", "markdown")));
  const source = h("div", { class: "text", dir: "auto", hidden: true }, m.body);
  return [shown, source, h("p", { class: "value" }, button("source", "Show the Markdown", (e) => {
    source.hidden = !source.hidden;
    shown.hidden = !source.hidden;
    e.currentTarget.textContent = source.hidden ? "source" : "rendered";
  }))];
}

// linksOf lists where the links of an HTML message lead.
function linksOf(body) {
  const list = [...new DOMParser().parseFromString(body, "text/html").querySelectorAll("a[href]")].slice(0, 50);
  if (!list.length) return null;
  return h("ul", { class: "links" }, list.map((a) => h("li", {}, a.textContent.trim() || "(no text)", h("span", { class: "muted" }, ` leads to ${a.getAttribute("href")}`))));
}

const cut = (text, n) => ([...text].length > n ? [...text].slice(0, n - 1).join("") + "…" : text);

// inbox is what the recipient sees before opening anything.
function inbox(c) {
  const list = messages(c).map((m, i, all) => [m, i, threadOf(all, i)]).filter(([m]) => !m.dropped);
  if (!list.length) return null;
  return h("ol", { class: "inbox", "aria-label": "In the inbox" }, list.map(([m, , thread]) => h("li", { dir: "auto" }, h("b", {}, "Your sender"),
    h("span", {}, cut(m.subject.trim() || (thread ? "Re: " + thread : "(no subject)"), 60)), h("span", { class: "muted" }, cut((m.html ? plainText(m.body) : m.body).replace(/\s+/g, " ").trim(), 90)))));
}

// diff are the words of two texts: kept, taken out, put in.
function diff(before, after) {
  const a = before.split(/(\s+)/), b = after.split(/(\s+)/);
  if (a.length * b.length > 4e6) return [h("del", {}, before), h("ins", {}, after)];
  const best = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) best[i][j] = a[i] === b[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
  const nodes = [];
  const put = (name, word) => {
    const last = nodes[nodes.length - 1];
    if (last && last[0] === name) last[1] += word;
    else nodes.push([name, word]);
  };
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) put("", a[i]), i++, j++;
    else if (j >= b.length || (i < a.length && best[i + 1][j] >= best[i][j + 1])) put("del", a[i++]);
    else put("ins", b[j++]);
  }
  return nodes.map(([name, word]) => (name ? h(name, {}, word) : word));
}

// changes shows an edit against what was written.
function changes(c, m, i) {
  if (!m.edited || m.dropped) return null;
  const was = c.emails[i];
  return h("details", { class: "changes" }, h("summary", {}, "Changes"), was.subject !== m.subject ? h("p", { class: "text", dir: "auto" }, h("b", {}, diff(was.subject, m.subject))) : null,
    was.body !== m.body ? h("div", { class: "text", dir: "auto" }, diff(was.body, m.body)) : null);
}
