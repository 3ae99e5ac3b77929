// The data: {summary, contacts} as the program wrote them, and what is derived.
let summary = {}, contacts = [];
const byKey = new Map();

async function unpack() {
  const packed = $("data").textContent;
  $("data").remove();
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(packed) : Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  ({ summary, contacts } = JSON.parse(await new Response(stream).text()));
  contacts.sort(byRow);
  for (const c of contacts) derive(c);
}

const byRow = (a, b) => (a.row || Infinity) - (b.row || Infinity) || (a.at < b.at ? -1 : 1);

function derive(c) {
  const r = c.request || {};
  c.emails ||= [];
  c.person = [r.firstName, r.lastName].filter(Boolean).join(" ");
  c.company = r.companyName || r.companyDomain || "";
  c.name = c.person || r.email || r.linkedInProfile || r.crmContactId || r.crmLeadId || c.company || "Unnamed";
  c.role = [r.jobTitle, c.company].filter(Boolean).join(" · ");
  byKey.set(c.key, c);
  refresh(c);
}

// queue holds the decisions that the server has not yet acknowledged, by contact.
const queue = new Map();

// decisionOf is what the reviewer decided last, acknowledged or not.
const decisionOf = (c) => queue.get(c.key) || c.review || {};
const stateOf = (c) => decisionOf(c).state || "";

// messages are the emails as they would be sent: with the edits of a reviewer.
// One that was edited to nothing is dropped.
function messages(c) {
  const edits = decisionOf(c).emails;
  if (!edits) return c.emails;
  return c.emails.map((e, i) => {
    const now = edits[i] || e;
    if (now.subject === e.subject && now.body === e.body) return e;
    return { ...e, ...now, edited: true, dropped: !now.body.trim(), empty: null };
  });
}

// refresh forgets what was derived of the texts: they changed.
function refresh(c) {
  judged = null;
  c.known = {};
}

// What is derived of the texts is made when it is looked at first.
const lintOf = (c) => (c.known.lint ||= messages(c).map((m, i) => (m.dropped ? { words: 0, warnings: [], whys: {} } : lint(m, i === 0, (c.request || {}).lang))));
const warningsOf = (c) => (c.known.warnings ||= [...new Set(lintOf(c).flatMap((l) => l.warnings))]);

// hayOf is what a search goes through.
function hayOf(c) {
  const r = c.request || {};
  return (c.known.hay ||= fold([c.name, c.role, r.email, r.companyDomain, r.linkedInProfile, r.crmContactId, c.playbook, c.persona, c.error, c.row ? "#" + c.row : "", ...(c.cells || []),
    ...messages(c).flatMap((m) => [m.subject, m.body])].filter(Boolean).join("\n")));
}

// With many contacts the texts are gone through behind the page's back, a few at a
// time: it can be read and used meanwhile. What counts all of them waits for it.
const atOnce = 1000;
let prepared = false;

function prepare(from = 0) {
  const end = Date.now() + 12;
  let i = from;
  for (; i < contacts.length && (i < atOnce || Date.now() < end); i++) {
    warningsOf(contacts[i]);
    hayOf(contacts[i]);
  }
  prepared = i >= contacts.length;
  if (!prepared) return setTimeout(prepare, 0, i);
  performance.mark("prepared");
  if (!from) return;
  offerBulk();
  if (!$("overview").hidden) drawOverview();
}

const statusNames = { ok: "Written", not_found: "Not found", failed: "Failed" };
