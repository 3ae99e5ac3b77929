// How the last run went, in a sentence, and what became of its contacts, in one
// funnel.
const lastRun = () => summary.runs[summary.runs.length - 1];
const goesOn = (r) => Boolean(summary.live && r && !r.ended && Date.now() - Date.parse(r.end) < 120000);
const dayOf = (text) => new Date(text).toLocaleDateString("en-US", { weekday: "long" });

// asked are the contacts of the last run, or of all.
function inScope(c) {
  const r = lastRun();
  if (view.scope !== "last" || !r) return true;
  const at = Date.parse(c.at);
  return at >= Date.parse(r.begin) - 1000 && at <= Date.parse(r.end) + 1000;
}

// endings are the exit codes in words: class, mark, what happened.
const endings = {
  0: ["good", "✓", "went well"], 2: ["bad", "✕", "stopped: a setting is wrong"], 3: ["warn", "!", "finished, but not for everybody"], 4: ["bad", "✕", "stopped: the list could not be read"],
  5: ["bad", "✕", "stopped early: the service kept failing"], 6: ["bad", "✕", "stopped: a file could not be written"], 7: ["bad", "✕", "stopped early: out of credits"],
  8: ["warn", "!", "stopped at its budget"], 9: ["warn", "!", "waits for a decision"], 10: ["warn", "!", "stopped at its time limit"], 12: ["bad", "✕", "stopped: the key was rejected"],
  13: ["bad", "✕", "stopped: the checkpoint is damaged"], 129: ["warn", "!", "was stopped"], 130: ["warn", "!", "was stopped"], 143: ["warn", "!", "was stopped"],
};
const resumes = new Set([3, 5, 7, 8, 10, 129, 130, 143]);

function verdict() {
  const r = lastRun();
  if (!r || !r.begin) return null;
  const took = duration(Date.parse(r.end) - Date.parse(r.begin)), rows = (r.ended && r.ended.rows) || {};
  const fresh = contacts.filter((c) => inRun(c, r)), of = (status) => fresh.filter((c) => c.status === status), failed = of("failed");
  const hopeless = failed.length && !failed.some(heals); // running again mends none
  const [cls, sign, what] = r.ended ? endings[r.ended.exit_code] || ["bad", "✕", "failed"] : goesOn(r) ? ["warn", "…", "is going on"] : ["bad", "✕", "was cut short"];
  const parts = [plural(of("ok").length, "new sequence"), rows.not_attempted ? `${plural(rows.not_attempted, "contact")} not asked` : "",
    of("not_found").length ? `${number(of("not_found").length)} not found` : "", failed.length ? `${number(failed.length)} failed${hopeless ? `, whose row${failed.length === 1 ? "" : "s"} must be fixed` : ""}` : ""].filter(Boolean);
  const again = !r.ended ? !goesOn(r) : resumes.has(r.ended.exit_code) && !(r.ended.exit_code === 3 && hopeless);
  return h("section", { class: `verdict ${cls}` }, h("span", { class: "sign", "aria-hidden": "true" }, sign),
    h("div", {}, h("h2", {}, `${dayOf(r.begin)}’s run ${what} after ${took}.`),
      h("p", {}, `${parts.join(", ")}${again ? "; the same command goes on" : ""}.`, r.ended && r.ended.exit_code ? h("span", { class: "muted" }, ` ${r.ended.reason}`) : null)));
}

const inRun = (c, r) => { const at = Date.parse(c.at); return at >= Date.parse(r.begin) - 1000 && at <= Date.parse(r.end) + 1000; };

function scopeSwitch() {
  const choice = (value, text) => h("button", { type: "button", class: "chip", "data-value": value || "everything", "aria-pressed": String(view.scope === value), on: { click: () => { view.scope = value; drawOverview(); } } }, text);
  return h("div", { class: "chips scope", role: "group", "aria-label": "What the figures are about" }, choice("last", "Last run"), choice("", "Everything"));
}

// show lists the contacts that a step of the funnel is about.
function show(filter) {
  clearFilters();
  Object.assign(view, { inRun: view.scope === "last" ? "last" : "", ...filter });
  search();
  location.hash = "#emails";
}

const shower = (text, filter, label) => h("a", { href: "#emails", "aria-label": label, on: { click: (e) => { e.preventDefault(); show(filter); } } }, text);

function funnel() {
  const list = contacts.filter(inScope), r = lastRun(), rows = (view.scope === "last" && r && r.ended && r.ended.rows) || null;
  const written = list.filter((c) => c.status === "ok"), sendable = written.filter((c) => !c.hold), approved = sendable.filter((c) => stateOf(c) === "approved");
  const count = (of, f) => of.filter(f).length, lost = (n, text, filter) => (n ? shower(`${number(n)} ${text}`, filter) : null);
  const total = rows ? Object.values(rows).reduce((a, b) => a + b, 0) : 0;
  const kinds = [...new Set(written.map((c) => c.hold).filter(Boolean))];
  const before = rows ? total - list.length - (rows.not_attempted || 0) - (rows.excluded || 0) - (rows.invalid || 0) : 0;
  const plainLoss = (n, text) => (n > 0 ? `${number(n)} ${text}` : null);
  const open = view.scope !== "last" && summary.questions.open;
  const steps = [
    total ? ["rows", total, null, [plainLoss(rows.not_attempted, "not asked"), plainLoss(rows.excluded, "excluded"), plainLoss(rows.invalid, "unreadable"), plainLoss(before, "known before, or asked once for several rows")]] : null,
    ["asked", list.length + (open || 0), {}, [plainLoss(open, "without an answer yet"), lost(count(list, (c) => c.status === "failed"), "failed", { status: "failed" })]],
    ["answered", count(list, (c) => c.status !== "failed"), { status: "answered" }, [lost(count(list, (c) => c.status === "not_found"), "not found", { status: "not_found" })]],
    ["written", written.length, { status: "ok" }, kinds.map((kind) => lost(count(written, (c) => c.hold === kind), kind, { status: "ok", hold: kind }))],
    ["sendable", sendable.length, { status: "ok", hold: "none" }, summary.reviewed || summary.live ? [lost(count(sendable, (c) => !stateOf(c)), "not decided", { status: "ok", hold: "none", decision: "" }), lost(count(sendable, (c) => stateOf(c) === "rejected"), "rejected", { status: "ok", hold: "none", decision: "rejected" })] : []],
    summary.reviewed || summary.live ? ["approved", approved.length, { status: "ok", hold: "none", decision: "approved" }, []] : null,
  ].filter(Boolean);
  const most = Math.max(1, ...steps.map(([, n]) => n));
  return h("section", { class: "panel wide", "aria-label": "From rows to emails" }, h("div", { class: "head" }, h("h2", {}, "From rows to emails"), chooseSender()), h("ol", { class: "funnel" }, steps.map(([name, n, filter, losses]) => {
    const bar = h("span", { class: "bar" });
    bar.style.width = `${(100 * n) / most}%`;
    return h("li", {}, h("div", { class: "step-line" }, filter ? shower([h("b", {}, number(n)), " ", name], filter) : h("span", {}, h("b", {}, number(n)), " ", name)), h("div", { class: "track" }, bar),
      losses.some(Boolean) ? h("p", { class: "losses" }, "− ", losses.filter(Boolean).flatMap((l, i) => [i ? ", " : "", l])) : null);
  })));
}

// causes are why contacts failed, in words, and whether running again mends it.
const causes = {
  request: ["the service refused the row", false], unusable: ["an answer without a sequence", true], "rate limited": ["refused: too many calls", true], server: ["the service failed", true],
  unreachable: ["the service was not reached", true], ambiguous: ["sent, and no answer came back", true], key: ["the key was rejected", true], credits: ["out of credits", true],
};
const heals = (c) => (causes[c.kind] || ["", true])[1];

function runCommand() {
  const began = (lastRun() || {}).began || {};
  if (began.command) return began.command;
  return `octave-enrich run ${shell((began.input || {}).name || "INPUT")}${began.output ? " -o " + shell(began.output) : ""}`;
}

// plainHolds are reasons to hold a sequence that nobody has to read it for.
const plainHolds = new Set(["no email address", "sequence too short", "duplicate address", "another address of the person"]);

function needsEyes() {
  const list = contacts.filter(inScope), written = list.filter((c) => c.status === "ok"), review = `octave-enrich review ${shell(summary.checkpoint)}`;
  const kinds = [...new Set([...holding, ...written.map((c) => c.hold).filter((why) => why && !plainHolds.has(why))])];
  const texts = kinds.map((name) => [name, written.filter((c) => stateOf(c) !== "rejected" && c.hold === name), "edit or reject", review, { status: "ok", hold: name }]);
  const rows = [...texts,
    ["failed, and a rerun will retry", list.filter((c) => c.status === "failed" && heals(c)), "run the same command again", runCommand(), { status: "failed", heals: "yes" }],
    ["failed, and the row must be fixed", list.filter((c) => c.status === "failed" && !heals(c)), "correct the rows in the list, then run again", runCommand(), { status: "failed", heals: "no" }],
    ["rewritten since approval", written.filter((c) => c.review && c.review.before === "approved" && !stateOf(c)), "read the new words and decide again", review, { status: "ok", rewritten: "yes" }],
    ["marked, and the next run asks again", written.filter(markOf), "nothing is paid until then", (marks && marks.command) || runCommand(), { again: "yes" }],
  ].filter(([, of]) => of.length);
  if (!rows.length) return panel("Needs your eyes", "wide", h("p", { class: "muted" }, "Nothing."));
  return panel("Needs your eyes", "wide", h("ul", { class: "eyes" }, rows.map(([name, of, todo, command, filter]) => h("li", {},
    h("b", {}, number(of.length)), h("div", {}, h("span", {}, name), h("span", { class: "muted" }, ` · ${todo} · `), shower("show", filter, `show ${name}`)),
    h("span", { class: "command" }, h("code", {}, command), button("copy", `Copy: ${command}`, (e) => copy(command, e.currentTarget)))))));
}

function cost() {
  const r = lastRun(), ended = (r && r.ended) || {}, sequences = contacts.filter((c) => c.status === "ok").length;
  const ofRun = ended.usage ?? contacts.filter((c) => r && inRun(c, r)).reduce((n, c) => n + Number(c.usage || 0), 0);
  const fact = (name, value, note) => h("div", { class: "fact-tile" }, h("span", {}, name), h("b", {}, value), note ? h("small", {}, note) : null);
  return panel("Cost, in credits", "wide", h("div", { class: "facts-row" }, fact("this run", number(ofRun), ended.calls ? plural(ended.calls.started, "call") : ""), fact("all of the checkpoint", number(summary.usage), plural(summary.attempts.asked, "call")),
    fact("per sequence", sequences ? number(summary.usage / sequences) : "–"), fact("possibly billed", number(summary.possibly_billed), "calls without an answer, at most; this run " + number((ended.calls || {}).possibly_billed || 0))));
}
