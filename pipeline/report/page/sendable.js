// What a sender's file would take: the rule of the presets, so that the page and the
// file of held rows agree. The table says which lines hold, the preset what else.
const holding = new Set(lines.filter((l) => l.hold).map((l) => l.name));
const anySender = { name: "", title: "any sender", cells: ["email", "firstName", "lastName", "jobTitle", "companyName", "companyDomain", "linkedInProfile"] };
const senderOf = (name) => presets.find((p) => p.name === name) || anySender;

// layoutOf is what the file would be like: as long as most sequences are, of two
// lengths the shorter, and which steps have a subject.
function layoutOf(list) {
  const shapes = list.filter((c) => addressOf(c)).map((c) => sentOf(c).map((m, i) => !i || Boolean(m.subject.trim()))).filter((s) => s.length);
  const lengths = new Map();
  for (const s of shapes) lengths.set(s.length, (lengths.get(s.length) || 0) + 1);
  const steps = [...lengths].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0] || 0;
  const subjects = [];
  let alike = shapes.filter((s) => s.length >= steps);
  for (let i = 0; i < steps; i++) {
    const having = alike.filter((s) => s[i]).length;
    subjects.push(!i || (i > 1 && subjects[1]) || 2 * having >= alike.length);
    if (i === 1) alike = alike.filter((s) => s[1] === subjects[1]);
  }
  return subjects;
}

const sentOf = (c) => messages(c).filter((m) => !m.dropped);
const addressOf = (c) => String((c.request || {}).email || "").trim().toLowerCase();

// A file judges one contact after the other, in the order of the rows.
function sendersFile(sender, list) {
  const tag = sender.tag && new RegExp(sender.tag, "u"), own = sender.own && new RegExp(sender.own, "gu");
  const subjects = layoutOf(list);
  return { sender, tag, own, subjects, by: `${sender.name} ${subjects}`, addresses: new Set(), records: new Set() };
}

// holdOf is why the file would hold a sequence back, or "".
function holdOf(c, file) {
  const r = c.request || {}, sent = sentOf(c), address = addressOf(c), record = file.sender.cells.includes("crmContactId") ? r.crmContactId : "";
  if (!address) return "no email address";
  if (sent.length < file.subjects.length) return "sequence too short";
  if ((file.sender.needs || []).some((field) => !String(r[field] || "").trim())) return "missing name";
  if (file.addresses.has(address)) return "duplicate address";
  if (record && file.records.has(record)) return "another address of the person";
  if (c.known.for !== file.by) c.known.for = file.by, c.known.flaw = flawOf(c, sent, file) || subjectFlaw(sent, file.subjects);
  const why = c.known.flaw;
  if (why) return why;
  file.addresses.add(address);
  if (record) file.records.add(record);
  return "";
}

function flawOf(c, sent, file) {
  for (const field of file.sender.cells) {
    const why = textFlaw(String((c.request || {})[field] || ""), ["cell"], "text", file);
    if (why) return why;
  }
  const checks = lintOf(c).filter((_, i) => !messages(c)[i].dropped);
  for (const [i, hasSubject] of file.subjects.entries()) {
    const m = sent[i], parts = [...(i ? [] : ["first subject"]), ...(m.subject ? ["subject"] : [])];
    const clean = !Object.keys(checks[i].whys).some((name) => holding.has(name)); // as is known already
    const why = (hasSubject && textFlaw(m.subject, clean ? [] : parts, formatOf(m), file)) || textFlaw(m.body, clean ? [] : ["body"], formatOf(m), file);
    if (why) return why;
  }
  return "";
}

// textFlaw is what is wrong with a text: as it was written, then as the sender gets it.
function textFlaw(text, parts, format, { sender, tag, own }) {
  if (!text && parts.includes("cell")) return "";
  const unfilled = own && !parts.includes("cell") ? text.replace(own, "x") : text, small = unfilled.toLowerCase();
  for (const part of parts) {
    const flaw = lines.find((l) => l.hold && l.in.includes(part) && l.not !== format && hit(l, unfilled, small));
    if (flaw) return flaw.name;
  }
  if (sender.max_text && text.length * 5 > sender.max_text && [...spelled(text, format, sender.breaks)].length > sender.max_text) return "text too long";
  return tag && tag.test(own ? text.replace(own, "x") : text) ? "merge tag" : "";
}

// spelled is about what the sender gets of a text.
const spelled = (text, format, breaks) => (format === "text" && breaks ? text.trim().replace(/[&<>]/g, (c) => (c === "&" ? "&amp;" : "&lt;")).replaceAll("\n", breaks) : text);

// subjectFlaw: one template cannot serve sequences with a second subject and without.
function subjectFlaw(sent, subjects) {
  for (const [i, hasSubject] of subjects.entries()) {
    const has = Boolean(sent[i].subject.trim());
    if (i === 1 && hasSubject && !has) return "no second subject";
    if (i && !hasSubject && has) return "a subject that most have not";
  }
  return "";
}

// judgeAll says of every sequence whether the chosen sender can have it, unless that
// is known.
let judged = null; // the sender
function judgeAll() {
  if (judged === view.sender) return;
  judged = view.sender;
  const written = contacts.filter((c) => c.status === "ok"), file = sendersFile(senderOf(view.sender), written);
  for (const c of written) c.hold = holdOf(c, file);
}

// usualSender is the preset that the last run was for.
function usualSender() {
  for (const r of summary.runs.toReversed()) {
    const [, name] = ((r.began || {}).command || "").match(/--preset[= ]'?([a-z]+)/) || [];
    if (name) return senderOf(name).name;
  }
  return remember("sender") || "";
}

function chooseSender() {
  const select = h("select", { id: "sender", "aria-label": "Sendable by" }, [anySender, ...presets].map((p) => h("option", { value: p.name }, p.title)));
  select.value = view.sender;
  select.addEventListener("change", () => {
    view.sender = select.value;
    remember("sender", select.value || null);
    drawOverview();
    say(`Sendable by ${senderOf(view.sender).title}: ${number(contacts.filter((c) => c.status === "ok" && !c.hold).length)}.`);
  });
  return h("label", { class: "choose" }, "sendable by ", select, h("span", { class: "print-only" }, senderOf(view.sender).title));
}
