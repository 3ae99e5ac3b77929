// Evidence is what the words of a sequence rest on: why playbook, persona and product
// were chosen, the sources of the service, and the whole row of the list.
function evidence(c) {
  const parts = [chosen(c), sources(c), inputRow(c)].filter(Boolean);
  if (!parts.length) return null;
  const node = h("details", { class: "evidence", on: { toggle: () => { evidenceOpen = node.open; } } }, h("summary", {}, "Evidence"), parts);
  node.open = evidenceOpen ?? innerWidth >= 1280;
  return node;
}

let evidenceOpen; // as the reader left it

function chosen(c) {
  const list = c.matches || [];
  if (!list.length) return null;
  return h("section", {}, list.map((m) => h("div", { class: "match" },
    h("p", {}, h("i", {}, m.of), h("b", { dir: "auto" }, m.name || c[m.of] || ""), m.confidence !== undefined ? h("span", { class: "badge", title: "how sure the service is" }, String(m.confidence).toLowerCase()) : null),
    m.reason ? h("p", { class: "muted", dir: "auto" }, m.reason) : null)));
}

function sources(c) {
  const list = c.sources || [];
  if (!list.length) return null;
  return h("section", {}, h("h3", {}, "Sources"), h("ul", {}, list.map((s) => h("li", { dir: "auto" },
    s.url ? link(s.title || s.url, s.url) : s.title || s.type || "", s.description ? h("span", { class: "muted" }, ` ${s.description}`) : null))));
}

// fieldsOf says which field of the request a column of the list became.
function fieldsOf() {
  const last = summary.runs.findLast((r) => r.began && r.began.mapping), fields = new Map();
  for (const { field, column } of last ? last.began.mapping : []) fields.set(column, field);
  const set = (last && last.began.settings) || {};
  for (const [group, name] of [["context", "runtimeContext"], ["instructions", "runtimeInstructions"]])
    for (const text of set[group] || []) fields.set(text, name).set(text.replace(/:[^:]*$/, ""), name);
  return fields;
}

// inputRow is the row as it stands in the list, also what was not sent; without the
// list, what was sent.
function inputRow(c) {
  const list = summary.list || {}, fields = fieldsOf();
  const rows = c.cells ? list.columns.map((name, i) => [name, c.cells[i] || "", fields.get(name)]) : sentRow(c);
  if (!rows.length) return null;
  const line = ([name, value, field]) => [h("dt", {}, name, field && field !== name ? h("span", { class: "muted" }, ` → ${field}`) : null), h("dd", { dir: "auto" }, value || h("span", { class: "muted" }, "empty"))];
  const sent = rows.filter(([, , field]) => field), other = rows.filter(([, value, field]) => !field && value), blank = rows.filter(([, value, field]) => !field && !value).length;
  return h("section", { class: "input-row" }, h("h3", {}, c.cells ? `Row ${c.row} of the list` : "What was sent about the contact"), h("dl", {}, sent.map(line)),
    other.length ? [h("h4", {}, "not sent"), h("dl", {}, other.map(line))] : null,
    blank ? h("p", { class: "muted" }, plural(blank, "empty column")) : null,
    c.cells || !list.note ? null : h("p", { class: "muted" }, `Without the row: ${list.note}.`));
}

const sentRow = (c) => Object.entries(c.request || {}).filter(([, v]) => v && typeof v !== "object").map(([name, value]) => [name, String(value), name]);
