// While a run goes on, its answers appear here, and so do the decisions of other
// windows: the server tells what happened since the page was made.
function follow() {
  if (!summary.live) return;
  const events = new EventSource("events?from=" + summary.end);
  const on = (name, f) => events.addEventListener(name, (e) => f(JSON.parse(e.data)));
  on("contact", arrived);
  on("decision", (r) => {
    const c = byKey.get(r.key);
    if (!c || !c.review || queue.has(r.key) || (draft && draft.c === c) || (c.review.number || 0) >= r.decision.number || r.decision.of !== c.review.of) return;
    c.review = r.decision;
    refresh(c);
    changed(r.key);
  });
  on("run", (r) => { summary.runs.push({ begin: r.at, end: r.at, began: r.body }); changed(); askMarks(); });
  on("ended", (r) => { Object.assign(lastRun(), { ended: r.body, end: r.at }); changed(); });
  on("again", () => { events.close(); alertLine("The checkpoint was replaced: load the page again."); });
}

// arrived takes in what became of a contact. A draft is left alone: the server
// will say that its words are old.
function arrived(fresh) {
  const c = byKey.get(fresh.key) || byKey.get(fresh.replaces);
  if (lastRun() && !lastRun().ended && Date.parse(fresh.at) > Date.parse(lastRun().end)) lastRun().end = fresh.at;
  if (c && draft && draft.c === c) return;
  if (c && c.key === fresh.key && c.status === fresh.status && c.at === fresh.at) return; // known already
  if (c && fresh.status === "failed" && c.status !== "failed") return; // the answer there is stays
  if (c) follows(c, fresh), replaceContact(c, fresh);
  else derive(fresh), contacts.push(fresh);
  changed(fresh.key);
}

// follows keeps the words that a new answer takes the place of, to be shown beside it.
function follows(c, fresh) {
  if (!c.emails.length) return;
  fresh.earlier = { at: c.at, state: stateOf(c), emails: c.emails };
  if (fresh.review && c.key !== fresh.key && !fresh.review.number) fresh.review.before = stateOf(c);
  if ($("reader").dataset.key === c.key) $("reader").dataset.key = fresh.key;
  askMarks();
}

// changed draws the page soon: many things may come at once.
const changedKeys = new Set();
let drawing = 0;
function changed(key) {
  if (key) changedKeys.add(key);
  drawing ||= setTimeout(() => {
    drawing = 0;
    contacts.sort(byRow);
    search(true);
    redraw([...changedKeys]);
    changedKeys.clear();
    const r = lastRun(), rows = r && r.began && r.began.input && r.began.input.rows;
    $("running").hidden = !goesOn(r);
    $("running").textContent = `run goes on: ${number(contacts.filter((c) => inRun(c, r)).length)}${rows ? " of " + plural(rows, "row") : ""}`;
  }, 200);
}
