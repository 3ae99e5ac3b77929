// The overview: how it went, in figures.
function drawOverview() {
  const q = summary.questions, a = summary.attempts, total = q.answered + q.not_found + q.failed + q.open;
  const withEmails = contacts.filter((c) => c.status === "ok");
  const written = withEmails.reduce((n, c) => n + c.emails.length, 0);
  const words = withEmails.reduce((n, c) => n + c.lint.reduce((m, l) => m + l.words, 0), 0);
  const settled = q.answered + q.not_found;
  fill($("overview"),
    h("section", { class: "tiles" },
      tile("Sequences", q.answered, `of ${plural(total, "contact")} asked about`),
      tile("Emails", written, written ? `${number(Math.round(words / written))} words each` : ""),
      tile("Not found", q.not_found, settled ? `${number((100 * q.not_found) / settled)} %` : ""),
      tile("Failed", q.failed, q.open ? `and ${number(q.open)} asked without an answer yet` : "", q.failed ? "bad" : ""),
      tile("Usage", summary.usage, settled ? `${number(summary.usage / settled)} per answer, as reported` : "as reported"),
      tile("Calls", a.asked, `${number(a.refused)} refused, ${number(a.failed)} failed`),
      tile("Possibly billed", summary.possibly_billed, "calls without an answer, at most", summary.possibly_billed ? "warn" : "")),
    outcome([["good", "with emails", q.answered], ["soft", "not found", q.not_found], ["bad", "failed", q.failed], ["warn", "without an answer yet", q.open]], total),
    h("div", { class: "columns" },
      panel("Calls over time", "wide", runChart()),
      panel("Time to answer", "", timeToAnswer()),
      panel("Slowest contacts", "", slowest()),
      panel("Failures by cause", "wide", failures()),
      panel("Attempts without an answer", "", table(["cause", "HTTP", "attempts"], summary.missed.map((m) => [m.kind || "other", m.status || "", number(m.attempts)]), "Every attempt was answered.")),
      h("div", { class: "stack" }, panel("Warnings in the texts", "", warnings(withEmails)), panel("Column mapping", "", mapping())),
      panel("By playbook", "", groups(withEmails, (c) => c.playbook, "playbook")),
      panel("By persona", "", groups(withEmails, (c) => c.persona, "persona")),
      panel("Runs", "wide", runs())),
    h("p", { class: "muted foot" }, `${summary.checkpoint}, begun ${moment(summary.created)} by ${summary.tool}; answers of ${summary.service}. Page made ${moment(summary.made)}.`));
}

const tile = (name, value, note, cls) => h("div", { class: "tile " + (cls || "") }, h("span", {}, name), h("b", {}, number(value)), h("small", {}, note));
const panel = (title, cls, ...content) => h("section", { class: "panel " + cls }, h("h2", {}, title), ...content);

function table(heads, rows, none) {
  if (!rows.length) return h("p", { class: "muted" }, none);
  const numeric = (i) => rows.every((r) => /^[\d.,]*( .{0,12})?$/.test(String(r[i])));
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, heads.map((t, i) => h("th", { class: numeric(i) ? "n" : "" }, t)))),
    h("tbody", {}, rows.map((r) => h("tr", {}, r.map((cell, i) => h("td", { class: numeric(i) ? "n" : "" }, cell)))))));
}

function outcome(parts, total) {
  const shown = parts.filter(([, , n]) => n);
  const bar = h("div", { class: "outcome", role: "img", "aria-label": shown.map(([, name, n]) => `${n} ${name}`).join(", ") });
  for (const [cls, name, n] of shown) {
    const part = h("span", { class: cls, title: `${number(n)} ${name}` });
    part.style.flexGrow = n / total;
    bar.append(part);
  }
  return h("section", {}, bar, h("div", { class: "legend" }, shown.map(([cls, name, n]) => [h("i", { class: "dot " + cls }), `${number(n)} ${name}`])));
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
  return [drawn.length > 1 ? select : null, place];
}

function timeToAnswer() {
  const l = summary.latency;
  if (!l.buckets.length) return h("p", { class: "muted" }, "No answers yet.");
  return [h("p", { class: "percentiles" }, [["half within", l.p50], ["90 %", l.p90], ["99 %", l.p99], ["slowest", l.max]].map(([name, ms]) => h("span", {}, h("i", {}, name), duration(ms)))), histogram(l)];
}

const opener = (c, text) => h("a", { href: "#c=" + c.key }, text);

function slowest() {
  const list = contacts.filter((c) => c.latency_ms).sort((a, b) => b.latency_ms - a.latency_ms).slice(0, 8);
  return table(["row", "contact", "took", "attempts"], list.map((c) => [c.row || "", opener(c, c.name), duration(c.latency_ms), c.attempts]), "No answers yet.");
}

// causeOf takes out of a message what differs from row to row.
const causeOf = (c) => (c.error || "unknown").replace(/\b[0-9a-f]{8,}\b/gi, "…").replace(/"[^"]{1,80}"/g, "“…”");

function failures() {
  const causes = new Map();
  for (const c of contacts.filter((c) => c.status === "failed")) {
    const cause = causeOf(c);
    causes.set(cause, [...(causes.get(cause) || []), c]);
  }
  const rows = [...causes].sort((a, b) => b[1].length - a[1].length).map(([cause, list]) => {
    const byRow = new Map(list.map((c) => [c.row, c]));
    const ranges = rowRanges([...byRow.keys()].filter(Boolean));
    return [cause, number(list.length), h("span", {}, ranges.slice(0, 40).flatMap(([from, to], i) => [i ? ", " : "", opener(byRow.get(from), from === to ? from : `${from}–${to}`)]), ranges.length > 40 ? ", …" : "")];
  });
  return table(["cause", "contacts", "rows of the input"], rows, "Nothing failed.");
}

function warnings(list) {
  const rows = rules.map(([name, text]) => [name, text, list.filter((c) => c.warnings.includes(name)).length]).filter(([, , n]) => n);
  return table(["warning", "", "contacts"], rows.sort((a, b) => b[2] - a[2]).map(([name, text, n]) => [
    h("a", { href: "#emails", on: { click: () => { clearFilters(); view.warning = name; $("filters").querySelector("[name=warning]").value = name; search(); } } }, name), text, number(n)]), "None.");
}

function groups(list, f, name) {
  const all = new Map();
  for (const c of list) if (f(c)) all.set(f(c), [...(all.get(f(c)) || []), c]);
  const rows = [...all].sort((a, b) => b[1].length - a[1].length).slice(0, 12);
  return table([name, "contacts", "messages", "with warnings"], rows.map(([key, of]) => [key, number(of.length), number(of.reduce((n, c) => n + c.emails.length, 0)), number(of.filter((c) => c.warnings.length).length)]), "None named.");
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
  return table(["begun", "for", "input", "rows", "outcome", "calls", "usage", "exit"], rows, "None recorded.");
}
