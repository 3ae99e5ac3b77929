// A page that is served sends decisions back. Each names the words and the
// decision that it was made on; the server says for each what became of it. What
// it has not acknowledged stays in the queue, and in the browser's store should
// the page go away: a newer decision, wherever it was made, is never overwritten.
let sending = false;
const storePrefix = () => `queue.${summary.checkpoint}.${summary.created}.`;

// decided takes in what was decided about these words until now.
async function decided(asked) {
  const answer = await asked;
  if (!answer.ok) throw new Error(await answer.text());
  for (const [key, d] of Object.entries(await answer.json())) {
    const c = byKey.get(key);
    if (c && c.review) c.review = d.of === c.review.of ? d : { of: c.review.of, number: d.number };
    if (c && c.review && c.review.emails) refresh(c);
    const newer = c ? null : contacts.find((one) => one.replaces === key);
    if (newer && newer.review && !newer.review.number) newer.review.before = d.state;
  }
}

async function startSaving(asked) {
  if (!summary.live) return;
  await decided(asked);
  remember("queue." + summary.checkpoint, null); // of older pages: says not what it was made on
  for (const name of remembered(storePrefix())) {
    const d = JSON.parse(remember(name));
    const c = byKey.get(d.key);
    if (c && c.review) queue.set(d.key, d), refresh(c);
    else remember(name, null);
  }
  addEventListener("beforeunload", (e) => { if (queue.size || dirty()) e.preventDefault(); });
  tellSaved();
  send();
}

// decide takes a change of a decision and puts it on its way. It is made on what
// is on the screen, or on what a draft began with.
function decide(c, change, madeOn) {
  queueDecision(c, change, madeOn);
  tellSaved();
  send();
}

function queueDecision(c, change, madeOn) {
  const { of, number } = madeOn || c.review;
  const { state, reason, emails } = decisionOf(c);
  queue.set(c.key, { key: c.key, after: number || 0, of, state, reason, emails, ...change });
  keep(c.key);
  refresh(c);
}

function keep(key) {
  remember(storePrefix() + key, queue.has(key) ? JSON.stringify(queue.get(key)) : null);
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
    if (answer.ok) settleBatch(batch, await answer.json());
    else problem = `not saved: ${(await answer.text()).slice(0, 200)}`;
  } catch {
    problem = "not saved: no connection to the server; trying again";
  }
  sending = false;
  tellSaved(problem);
  if (problem) setTimeout(send, 2000);
  else if (queue.size) send();
}

// settleBatch takes in what became of the decisions that were sent.
function settleBatch(batch, results) {
  let changed = false;
  for (const [i, result] of results.entries()) {
    const sent = batch[i], c = byKey.get(sent.key), next = queue.get(sent.key);
    if (!c || c.key !== sent.key) { // written again meanwhile
      queue.delete(sent.key);
      keep(sent.key);
      continue;
    }
    if (result.outcome === "saved") {
      c.review = result.decision;
      if (draft && draft.c === c && (draft.madeOn.number || 0) === sent.after) draft.madeOn.number = c.review.number;
      if (next === sent) queue.delete(sent.key);
      else next.after = result.decision.number; // made here since, on this one
    } else {
      changed = true;
      queue.delete(sent.key); // with what was made on it since
      notSaved(c, sent, result);
    }
    keep(sent.key);
    refresh(c);
  }
  if (changed) redraw(results.filter((r) => r.outcome !== "saved").map((r) => r.key));
}

// notSaved takes over what holds instead, and says so until somebody has read it.
function notSaved(c, sent, result) {
  const what = sent.state || (sent.emails ? "your edit" : "undecided");
  let why = result.problem || "";
  if (result.outcome === "conflict") why = `${decisionWords(result.decision)} at ${clockTime(result.decision.at)} in another window, and that holds`;
  if (result.outcome === "stale") why = "the words have changed since; read the new ones and decide again";
  if (result.contact) replaceContact(c, result.contact);
  else c.review = result.decision;
  const mine = sent.emails && result.outcome !== "saved" ? sent.emails : null;
  alertLine(`${c.name}: ${what} was not saved: ${why}.`,
    mine ? button("copy my text", "Copy the text of your edit", (e) => copy(mine.map((m) => `${m.subject}\n\n${m.body}`).join("\n\n---\n\n"), e.currentTarget)) : null);
}

// replaceContact puts a new answer in the place of the one that was read.
function replaceContact(c, fresh) {
  const { attempts, row } = c;
  for (const name of Object.keys(c)) delete c[name];
  Object.assign(c, { attempts, row }, fresh);
  derive(c);
}

const decisionWords = (d) => (d.state || (d.emails ? "edited" : "set back to undecided")) + (d.reason ? ` (${d.reason})` : "");
