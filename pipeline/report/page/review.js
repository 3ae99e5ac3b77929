// Deciding: the bar under a sequence, one decision or many, and how to undo them.
const history_ = []; // of decisions of this page, to undo: lists of {key, was, is}
const made = []; // when decisions were made, to reckon how long the rest takes

const reasons = ["wrong person", "wrong facts", "tone"];

function reviewBar(c) {
  if (!c.review) return null;
  const state = stateOf(c), d = decisionOf(c);
  const about = [d.reason ? `because of: ${d.reason}` : "", d.emails ? "with edits" : "", c.review.before && !state ? `an earlier answer was ${c.review.before}` : ""].filter(Boolean).join(", ");
  if (!summary.live) return state || about ? h("p", { class: "reviewbar" }, state ? h("b", { class: state === "approved" ? "good" : "bad" }, state) : null, about) : null;
  const choice = (name, text, key, click) => h("button", { type: "button", id: "choose-" + name, class: name, "aria-pressed": String(state === name), "aria-keyshortcuts": key, title: `${text} (${key})`, on: { click } }, text, h("kbd", { "aria-hidden": "true" }, key));
  return h("div", { class: "reviewbar", role: "group", "aria-label": "Decision" },
    choice("approved", "Approve", "a", () => settle(c, "approved")), choice("rejected", "Reject", "x", () => reject(c)),
    state ? button("take back", "Take the decision back (u)", () => settle(c, "")) : null,
    canMark() ? h("button", { type: "button", class: "quiet", id: "again", "aria-keyshortcuts": "g", title: "Have it written again, with an instruction (g)", on: { click: () => writeAgain(c) } }, "write again", h("kbd", { "aria-hidden": "true" }, "g")) : null,
    markNote(c), h("span", { class: "muted" }, about));
}

const waits = (c) => c.status === "ok" && !stateOf(c);

// settle decides and goes on to the next one that waits.
function settle(c, state, reason) {
  leave(() => {
    remembering([c], `${state ? state[0].toUpperCase() + state.slice(1) : "Undecided"}: ${c.name}${c.company ? ", " + c.company : ""}`);
    decide(c, { state, reason });
    if (state) made.push(performance.now());
    const at = view.at;
    search(true);
    const next = state ? view.hits.findIndex((x, i) => i >= Math.max(at, 0) && x !== c && waits(x)) : -1;
    if (next >= 0) open(next);
    else if (state && !contacts.some(waits)) theEnd();
    else if (view.hits.includes(c)) open(view.hits.indexOf(c));
    else read(c);
  });
}

// reject asks for the reason: a digit, or words.
async function reject(c) {
  let words = "";
  const other = (end) => {
    const field = h("input", { "aria-label": "Another reason", placeholder: "4 other: your words, Enter", maxlength: 500 });
    $("ask").onkeydown = (e) => {
      if (e.target === field && e.key === "Enter") words = field.value.trim(), e.preventDefault(), end("4");
      if (e.target === field || e.repeat || !/^[1-4]$/.test(e.key)) return;
      e.preventDefault();
      if (e.key === "4") field.focus();
      else end(e.key);
    };
    return field;
  };
  const why = await ask(`Reject ${c.name}: why?`, reasons.map((text, i) => [String(i + 1), `${i + 1} ${text}`]), other);
  $("ask").onkeydown = null;
  if (why) settle(c, "rejected", why === "4" ? words || undefined : reasons[why - 1]);
}

// remembering notes what decisions are about to change, and says what is done.
function remembering(list, text) {
  const group = list.map((c) => ({ c, was: { state: stateOf(c), reason: decisionOf(c).reason, emails: decisionOf(c).emails } }));
  history_.push({ group, text });
  if (summary.live) queueMicrotask(() => { for (const one of group) one.is = decisionOf(one.c); });
  toast(text + ".", undoButton());
}

const undoButton = () => button("undo", "Undo (z)", undo);

// undo takes the last decision of this page back, or the last many that were made
// at once. What was decided elsewhere since stays.
function undo() {
  leave(() => {
    const last = history_.pop();
    if (!last) return toast("There is nothing to undo.");
    const mine = last.group.filter(({ c, is }) => same(decisionOf(c), is));
    for (const { c, was } of mine) decide(c, was);
    const lost = last.group.length - mine.length;
    toast(`Undone: ${last.text}.${lost ? ` ${plural(lost, "decision")} made since elsewhere stay${lost === 1 ? "s" : ""}.` : ""}`);
    search(true);
    if (mine.length === 1) openKey(mine[0].c.key);
    else redraw(mine.map(({ c }) => c.key));
  });
}

const same = (a, b) => a.of === b.of && (a.state || "") === (b.state || "") && (a.reason || "") === (b.reason || "") && JSON.stringify(a.emails || null) === JSON.stringify(b.emails || null);

function reviewKey(e, c) {
  if (!c || !c.review || !["a", "x", "u", "e", "g"].includes(e.key)) return false;
  if (e.repeat) return true; // holding a letter down decides nothing
  if (e.key === "a") settle(c, "approved");
  if (e.key === "x") reject(c);
  if (e.key === "u") settle(c, "");
  if (e.key === "e") edit(c, currentMessage());
  if (e.key === "g") writeAgain(c);
  return true;
}

// progress says how far the review is, and how long the rest may take.
function progress() {
  if (!summary.live) return;
  const all = contacts.filter((c) => c.status === "ok"), left = all.filter(waits).length;
  let text = `${number(all.length - left)} of ${number(all.length)}`;
  if (made.length > 2 && left) {
    const gaps = made.slice(1).map((t, i) => Math.min(t - made[i], 120000)).slice(-20).sort((a, b) => a - b);
    const minutes = (gaps[Math.floor(gaps.length / 2)] * left) / 60000;
    text += minutes < 1 ? ", under a minute" : `, about ${number(Math.round(minutes))} min`;
  }
  $("progress").hidden = false;
  $("progress").textContent = text;
}

// theEnd is what a reviewer sees when everything is decided.
function theEnd() {
  const of = (state) => contacts.filter((c) => c.status === "ok" && stateOf(c) === state).length;
  const command = exportCommand();
  delete $("reader").dataset.key;
  fill($("reader"), h("div", { class: "end" }, h("h2", {}, "Everything is decided"),
    h("p", {}, `${number(of("approved"))} approved, ${number(of("rejected"))} rejected. This writes what was approved, in the words that were left:`),
    h("p", {}, h("code", {}, command), button("copy", "Copy the command", (e) => copy(command, e.currentTarget)))));
}

const shell = (word) => (/^[\w.,:/@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

function exportCommand() {
  const last = summary.runs.findLast((r) => r.began && r.began.input);
  return `octave-enrich export ${shell(last ? last.began.input.name : "INPUT")} --approved -o approved.csv --checkpoint ${shell(summary.checkpoint)}`;
}

// offerBulk approves what is listed, when nothing there asks for a second look.
function offerBulk() {
  if (!summary.live) return;
  const node = $("bulk"), possible = prepared && view.hits.length !== contacts.length;
  const waiting = possible ? view.hits.filter((c) => waits(c) && !warningsOf(c).length) : [];
  node.hidden = !waiting.length;
  node.textContent = `approve ${number(waiting.length)} without warnings`;
  node.onclick = () => leave(async () => {
    const sure = await ask(`Approve ${plural(waiting.length, "sequence")} without warnings?`, [["yes", "Approve", "primary"], ["", "Cancel"]]);
    if (!sure) return;
    remembering(waiting, `Approved ${plural(waiting.length, "sequence")}`);
    for (const c of waiting) queueDecision(c, { state: "approved" });
    tellSaved();
    send();
    search(true);
    redraw(waiting.map((c) => c.key));
  });
}
