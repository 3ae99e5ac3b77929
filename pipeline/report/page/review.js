// A page that is served sends decisions back. What is not yet on the server's
// disk stays in the queue, and in the browser's store should the page go away.
const queue = new Map();
let sending = false;

function startReview() {
  if (!summary.live) return;
  for (const d of JSON.parse(remember("queue." + summary.checkpoint) || "[]")) {
    const c = byKey.get(d.key);
    if (!c || !c.review || c.review.of !== d.of) continue; // answered anew since
    c.review.state = d.state;
    c.review.emails = d.emails || undefined;
    refresh(c);
    queue.set(d.key, d);
  }
  addEventListener("beforeunload", (e) => { if (queue.size) e.preventDefault(); });
  tellSaved();
  send();
}

// decide takes a change of a decision and puts it on its way.
function decide(c, change) {
  Object.assign(c.review, change);
  refresh(c);
  queue.set(c.key, { key: c.key, of: c.review.of, state: c.review.state, emails: c.review.emails || null });
  keepQueue();
  send();
}

function keepQueue() {
  remember("queue." + summary.checkpoint, queue.size ? JSON.stringify([...queue.values()]) : null);
  tellSaved();
}

function tellSaved(problem) {
  const node = $("saved");
  node.hidden = false;
  node.className = problem ? "bad" : queue.size ? "warn" : "good";
  node.textContent = problem || (queue.size ? "saving…" : "all saved");
}

async function send() {
  if (sending || !queue.size) return;
  sending = true;
  const batch = [...queue.values()];
  let problem = "";
  try {
    const answer = await fetch("decisions", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(batch) });
    if (answer.ok) for (const d of batch) { if (queue.get(d.key) === d) queue.delete(d.key); }
    else problem = `not saved: ${(await answer.text()).slice(0, 200)}`;
  } catch {
    problem = "not saved: no connection to the server; trying again";
  }
  sending = false;
  keepQueue();
  if (problem) {
    tellSaved(problem);
    setTimeout(send, 2000);
  } else if (queue.size) send();
}

function reviewBar(c) {
  if (!c.review) return null;
  const state = stateOf(c);
  if (!summary.live) return state ? h("p", { class: "reviewbar" }, h("b", { class: state === "approved" ? "good" : "bad" }, state), c.review.emails ? "with edits" : "") : null;
  const choice = (name, text, key, cls) => h("button", { type: "button", class: cls, "aria-pressed": String(state === name), title: `${text} (${key})`, on: { click: () => settle(c, name) } }, text, h("kbd", {}, key));
  return h("div", { class: "reviewbar" }, choice("approved", "Approve", "a", "approve"), choice("rejected", "Reject", "r", "reject"),
    state ? button("undo", "Take the decision back (u)", () => settle(c, "")) : null,
    h("span", { class: "muted" }, c.review.emails ? "with your edits" : ""));
}

// settle decides and goes on to the next one that waits.
function settle(c, state) {
  const at = view.at;
  decide(c, { state });
  search(true);
  const waiting = (x) => x.status === "ok" && !stateOf(x);
  let next = state ? view.hits.findIndex((x, i) => i >= Math.max(at, 0) && x !== c && waiting(x)) : -1;
  if (next >= 0) open(next);
  else if (view.hits.includes(c)) open(view.hits.indexOf(c));
  else read(c);
}

function reviewKey(key, c) {
  if (!c.review) return false;
  if (key === "a") settle(c, "approved");
  else if (key === "r") settle(c, "rejected");
  else if (key === "u") settle(c, "");
  else if (key === "e") edit(c, 0);
  else return false;
  return true;
}

// edit turns a message into fields. Every pause in typing is saved.
function edit(c, i) {
  const section = $("reader").querySelector(`[data-step="${i + 1}"]`);
  const m = messages(c)[i];
  const subject = h("input", { class: "edit-subject", "aria-label": "Subject", placeholder: i ? "empty: same thread" : "Subject" });
  const body = h("textarea", { class: "edit-body", "aria-label": "Text" });
  subject.value = m.subject;
  body.value = m.body;
  let timer;
  const save = () => { clearTimeout(timer); change(c, i, { subject: subject.value, body: body.value }); };
  const fit = () => { body.style.height = "auto"; body.style.height = `${body.scrollHeight + 4}px`; };
  const typed = () => { fit(); clearTimeout(timer); timer = setTimeout(save, 400); };
  const end = () => { save(); if ($("reader").dataset.key === c.key) read(c); drawRows(); };
  for (const field of [subject, body]) {
    field.addEventListener("input", typed);
    field.addEventListener("blur", save);
    field.addEventListener("keydown", (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) end(); });
  }
  fill(section, h("header", {}, h("span", { class: "step" }, i + 1), subject), body, h("footer", {}, button("done", "End editing (Ctrl Enter)", end, "primary")));
  fit();
  (i || m.subject ? body : subject).focus();
}

// change keeps the edits as long as they differ from what was answered.
function change(c, i, text) {
  const now = messages(c)[i];
  if (now.subject === text.subject && now.body === text.body) return;
  const emails = messages(c).map((m, j) => (j === i ? text : { subject: m.subject, body: m.body }));
  const same = emails.every((m, j) => m.subject === c.emails[j].subject && m.body === c.emails[j].body);
  decide(c, { emails: same ? undefined : emails });
}

function restore(c, i) {
  change(c, i, { subject: c.emails[i].subject, body: c.emails[i].body });
  read(c);
}

// offerBulk approves what is listed, when nothing there asks for a second look.
function offerBulk() {
  if (!summary.live) return;
  const waiting = view.hits.filter((c) => c.status === "ok" && !stateOf(c) && !c.warnings.length);
  const node = $("bulk");
  node.hidden = !waiting.length || view.hits.length === contacts.length;
  node.textContent = `approve ${number(waiting.length)} without warnings`;
  node.onclick = () => {
    if (!confirm(`Approve ${plural(waiting.length, "sequence")} without warnings?`)) return;
    for (const c of waiting) {
      c.review.state = "approved";
      queue.set(c.key, { key: c.key, of: c.review.of, state: "approved", emails: c.review.emails || null });
    }
    keepQueue();
    send();
    search(true);
    if (view.at >= 0) read(view.hits[view.at]);
  };
}
