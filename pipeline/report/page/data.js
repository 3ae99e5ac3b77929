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

// refresh follows a change of the texts.
function refresh(c) {
  judged = c.flaw = null;
  const list = messages(c);
  c.lint = list.map((m, i) => (m.dropped ? { words: 0, warnings: [], whys: {} } : lint(m, i === 0, (c.request || {}).lang)));
  c.warnings = [...new Set(c.lint.flatMap((l) => l.warnings))];
  const r = c.request || {};
  c.hay = [c.name, c.role, r.email, r.companyDomain, r.linkedInProfile, r.crmContactId, c.playbook, c.persona, c.error, c.row ? "#" + c.row : "",
    ...list.flatMap((m) => [m.subject, m.body])].filter(Boolean).join("\n");
  c.hay = fold(c.hay);
}

const statusNames = { ok: "With emails", not_found: "Not found", failed: "Failed" };
