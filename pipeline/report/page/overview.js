// The overview: did it go well, what is ready, what needs eyes, what did it cost;
// then how the calls went.
function drawOverview() {
  if (prepared) judgeAll();
  keepFocus($("overview"), fillOverview);
}

function fillOverview() {
  const withEmails = contacts.filter((c) => c.status === "ok");
  const reading = prepared ? null : h("p", { class: "muted" }, "Going through the texts…");
  fill($("overview"), verdict(), scopeSwitch(),
    h("div", { class: "columns" }, reading ? panel("From rows to emails", "wide", reading) : [funnel(), needsEyes()], cost(),
      panel("Calls over time", "wide", runChart()),
      panel("Time to answer", "", timeToAnswer()),
      panel("Slowest contacts", "", slowest()),
      panel("Failures by cause", "wide", failures()),
      panel("Attempts without an answer", "", table(["cause", "HTTP", "attempts"], summary.missed.map((m) => [(causes[m.kind] || [m.kind || "other"])[0], m.status || "", number(m.attempts)]), "Every attempt was answered.")),
      h("div", { class: "stack" }, panel("Warnings in the texts", "", reading ? reading.cloneNode(true) : warnings(withEmails)), panel("Column mapping", "", mapping())),
      reading ? null : [panel("By playbook", "", groups(withEmails, (c) => c.playbook, "playbook")), panel("By persona", "", groups(withEmails, (c) => c.persona, "persona"))],
      panel("Runs", "wide", runs())),
    h("p", { class: "muted foot" }, `${summary.checkpoint}, begun ${moment(summary.created)} by ${summary.tool}; answers of ${summary.service}. Page made ${moment(summary.made)}, ${zone()}.`));
}

const panel = (title, cls, ...content) => h("section", { class: "panel " + cls }, h("h2", {}, title), ...content);

function table(heads, rows, none) {
  if (!rows.length) return h("p", { class: "muted" }, none);
  const numeric = (i) => rows.every((r) => /^[\d.,]*( .{0,12})?$/.test(String(r[i])));
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((t, i) => h("th", { class: numeric(i) ? "n" : "" }, t)))),
    h("tbody", {}, rows.map((r) => h("tr", {}, r.map((cell, i) => h("td", { class: numeric(i) ? "n" : "" }, cell)))))));
}

function runChart() {
  const drawn = summary.runs.filter((r) => r.points);
  if (!drawn.length) return h("p", { class: "muted" }, "No calls yet.");
  const place = h("div", {});
  const select = h("select", { "aria-label": "Run" }, drawn.map((r, i) => h("option", { value: i }, `${moment(r.begin)}, ${duration(Date.parse(r.end) - Date.parse(r.begin))}`)).reverse());
  const draw = () => fill(place, overTime(drawn[select.value]));
  select.addEventListener("change", draw);
  select.value = drawn.length - 1;
  draw();
  return [drawn.length > 1 ? h("p", {}, select) : null, place];
}

function timeToAnswer() {
  const l = summary.latency;
  if (!l.buckets || !l.buckets.length) return h("p", { class: "muted" }, "No answers yet.");
  return [h("p", { class: "percentiles" }, [["half within", l.p50], ["90 %", l.p90], ["99 %", l.p99], ["slowest", l.max]].map(([name, ms]) => h("span", {}, h("i", {}, name), duration(ms)))), histogram(l)];
}

const opener = (c, text) => h("a", { href: "#c=" + c.key }, text);

function slowest() {
  const list = contacts.filter((c) => c.latency_ms).sort((a, b) => b.latency_ms - a.latency_ms).slice(0, 8);
  return table(["row", "contact", "took", "attempts"], list.map((c) => [c.row || "", opener(c, c.name), duration(c.latency_ms), c.attempts]), "No answers yet.");
}

// causeOf is the cause in words, and the message without what differs from call to
// call: addresses, ports, ids, times.
function causeOf(c) {
  const text = (c.error || "unknown").replace(/https?:\/\/[^\s"]+/g, "…").replace(/\b[\w.+-]+@[\w.-]+\b/g, "…").replace(/(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:]+\])(:\d+)?(->[\w.[\]:]*\w)?/gi, "…")
    .replace(/\b[\w-]+(\.[\w-]+)+:\d+\b/g, "…").replace(/\b[0-9a-f-]{8,}\b/gi, "…").replace(/\b\d+(\.\d+)?(ms|s|m)\b/g, "…").replace(/"[^"]{1,80}"/g, "“…”").replace(/…(\s+…)+/g, "…");
  const words = (causes[c.kind] || [""])[0];
  return words ? `${words}: ${text}` : text;
}

function failures() {
  const groups = new Map();
  for (const c of contacts.filter((c) => c.status === "failed" && inScope(c))) {
    const cause = causeOf(c);
    groups.has(cause) ? groups.get(cause).push(c) : groups.set(cause, [c]);
  }
  const rows = [...groups].sort((a, b) => b[1].length - a[1].length).map(([cause, list]) => {
    const byRow = new Map(list.map((c) => [c.row, c]));
    const ranges = rowRanges([...byRow.keys()].filter(Boolean));
    return [cause, heals(list[0]) ? "yes" : "no: correct the row", number(list.length), h("span", {}, ranges.slice(0, 40).flatMap(([from, to], i) => [i ? ", " : "", opener(byRow.get(from), from === to ? from : `${from}–${to}`)]), ranges.length > 40 ? ", …" : "")];
  });
  return table(["cause", "will a rerun fix it", "contacts", "rows of the input"], rows, "Nothing failed.");
}

function warnings(list) {
  const rows = rules.map(([name, text]) => [name, text, list.filter((c) => warningsOf(c).includes(name)).length]).filter(([, , n]) => n);
  return table(["warning", "why", "contacts"], rows.sort((a, b) => b[2] - a[2]).map(([name, text, n]) => [
    h("a", { href: "#emails", on: { click: () => { clearFilters(); view.warning = name; $("filters").querySelector("[name=warning]").value = name; search(); } } }, name), text, number(n)]), "None.");
}

function groups(list, f, name) {
  const all = new Map();
  for (const c of list) if (f(c)) all.has(f(c)) ? all.get(f(c)).push(c) : all.set(f(c), [c]);
  const rows = [...all].sort((a, b) => b[1].length - a[1].length).slice(0, 12);
  return table([name, "contacts", "messages", "with warnings"], rows.map(([key, of]) => [key, number(of.length), number(of.reduce((n, c) => n + c.emails.length, 0)), number(of.filter((c) => warningsOf(c).length).length)]), "None named.");
}

function mapping() {
  const last = summary.runs.findLast((r) => r.began && r.began.mapping);
  const rows = last ? last.began.mapping.map((m) => [m.field, h("code", {}, m.column)]) : [];
  const set = last && last.began.settings ? last.began.settings : {};
  for (const [field, value] of Object.entries(set.set || {})) rows.push([field, `set to ${value}`]);
  for (const [field, value] of Object.entries(set.template || {})) rows.push([field, `template ${value}`]);
  for (const column of set.context || []) rows.push(["runtimeContext", h("code", {}, column)]);
  for (const column of set.instructions || []) rows.push(["runtimeInstructions", h("code", {}, column)]);
  return table(["field", "column of the input"], rows, "Not recorded.");
}

function runs() {
  const rows = summary.runs.toReversed().slice(0, 50).map((r) => {
    const began = r.began || {}, ended = r.ended, rowCounts = (ended && ended.rows) || {};
    return [moment(r.begin), duration(Date.parse(r.end) - Date.parse(r.begin)), (began.input || {}).name || "", number((began.input || {}).rows || 0),
      ended ? Object.entries(rowCounts).filter(([, n]) => n).map(([name, n]) => `${number(n)} ${name.replace("_", " ")}`).join(", ") : "",
      ended && ended.calls ? number(ended.calls.started) : "", ended ? number(ended.usage || 0) : "", ended ? `${ended.exit_code}: ${ended.reason}` : "cut short, or goes on"];
  });
  return table(["begun", "for", "input", "rows", "outcome", "calls", "credits", "exit"], rows, "None recorded.");
}
