// The list draws the rows that can be seen and no others.
const view = { ...unfiltered, scope: "last", hits: [], at: -1 };
const overscan = 6;
let rowHeight = 68;

function matches(c, words) {
  return (!view.status || c.status === view.status || (view.status === "answered" && c.status !== "failed")) &&
    (!view.inRun || inRun(c, lastRun())) &&
    (!view.hold || (view.hold === "none" ? !c.hold : c.hold === view.hold)) &&
    (!view.heals || heals(c) === (view.heals === "yes")) &&
    (!view.again || markOf(c)) &&
    (!view.rewritten || (c.review && c.review.before === "approved" && !stateOf(c))) &&
    (view.decision === "any" || (c.status === "ok" && stateOf(c) === view.decision)) &&
    (!view.playbook || c.playbook === view.playbook) &&
    (!view.persona || c.persona === view.persona) &&
    (!view.messages || c.emails.length === +view.messages) &&
    (!view.warning || (view.warning === "any" ? warningsOf(c).length > 0 : view.warning === "none" ? c.status === "ok" && !warningsOf(c).length : warningsOf(c).includes(view.warning))) &&
    words.every((w) => (/^#\d+$/.test(w) ? "#" + c.row === w : hayOf(c).includes(w)));
}

// search keeps the open contact open when it is still among those found.
function search(keep) {
  const words = wordsOf(view.text);
  if (view.hold) judgeAll();
  const open = view.hits[view.at];
  view.hits = contacts.filter((c) => matches(c, words));
  if (view.sort === "slow") view.hits.sort((a, b) => (b.latency_ms || 0) - (a.latency_ms || 0));
  if (view.sort === "name") view.hits.sort((a, b) => a.name.localeCompare(b.name));
  if (view.sort === "warnings") view.hits.sort((a, b) => warningsOf(b).length - warningsOf(a).length);
  view.at = open ? view.hits.indexOf(open) : -1;
  const filtered = view.hits.length !== contacts.length;
  $("count").textContent = filtered ? `${number(view.hits.length)} of ${plural(contacts.length, "contact")}` : plural(contacts.length, "contact");
  $("clear").hidden = !filtered;
  $("rows").style.height = `${view.hits.length * rowHeight}px`;
  if (!keep) $("list").scrollTop = Math.max(0, (view.at - 2) * rowHeight);
  chips();
  offerBulk();
  progress();
  drawRows();
  writeAddress();
}

function drawRows() {
  const list = $("list");
  const first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - overscan);
  const last = Math.min(view.hits.length, Math.ceil((list.scrollTop + list.clientHeight) / rowHeight) + overscan);
  const rows = [];
  for (let i = first; i < last; i++) rows.push(row(view.hits[i], i));
  if (!view.hits.length) rows.push(h("p", { class: "nothing" }, "Nobody matches."));
  $("rows").replaceChildren(...rows);
  if (view.at >= 0) list.setAttribute("aria-activedescendant", "row-" + view.at);
  else list.removeAttribute("aria-activedescendant");
}

function row(c, i) {
  const list = messages(c), first = list[0], sent = list.filter((m) => !m.dropped).length;
  const node = h("div", {
    class: `row ${c.status}`, id: "row-" + i, role: "option", "aria-selected": String(i === view.at),
    "aria-posinset": i + 1, "aria-setsize": view.hits.length, on: { click: () => leave(() => open(i, true)) },
  },
  h("div", { class: "line" }, mark(c), h("b", {}, c.name), h("span", { class: "num" }, c.row ? "#" + c.row : "")),
  h("div", { class: "line sub" }, h("span", { class: "cut" }, c.role || (c.request || {}).email || "")),
  h("div", { class: "line sub" },
    h("span", { class: "cut subject" }, first ? first.subject || "(no subject)" : c.error || statusNames[c.status]),
    warningsOf(c).length ? h("span", { class: "badge warn", title: warningsOf(c).join(", ") }, warningsOf(c).length) : null,
    sent ? h("span", { class: "badge", title: plural(sent, "message") }, sent) : null));
  node.style.top = `${i * rowHeight}px`;
  return node;
}

function mark(c) {
  const state = stateOf(c);
  if (state === "approved") return h("span", { class: "mark good", title: "approved" }, "✓");
  if (markOf(c)) return h("span", { class: "mark", title: "will be written again" }, "↻");
  if (state === "rejected") return h("span", { class: "mark bad", title: "rejected" }, "✕");
  if (decisionOf(c).emails) return h("span", { class: "mark", title: "edited" }, "✎");
  if (c.status === "failed") return h("span", { class: "mark bad", title: "failed" }, "!");
  if (c.status === "not_found") return h("span", { class: "mark", title: "not found" }, "–");
  return null;
}

// open shows the i-th contact found. On a phone the sequence covers the list.
function open(i, show) {
  if (i < 0 || i >= view.hits.length) return;
  view.at = i;
  const list = $("list"), top = i * rowHeight;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + rowHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + rowHeight - list.clientHeight;
  drawRows();
  read(view.hits[i]);
  if (show) document.body.classList.add("reading");
}

function openKey(key) {
  const c = byKey.get(key);
  if (!c) return;
  let i = view.hits.indexOf(c);
  if (i < 0) {
    clearFilters();
    i = view.hits.indexOf(c);
  }
  open(i, true);
}

function clearFilters() {
  Object.assign(view, unfiltered, { sort: view.sort, sender: view.sender });
  $("search").value = "";
  for (const select of $("filters").querySelectorAll("select")) if (select.name !== "sort") select.value = "";
  search();
}

function chips() {
  keepFocus($("statuses").parentNode, fillChips);
}

function fillChips() {
  const count = (f) => contacts.reduce((n, c) => n + (f(c) ? 1 : 0), 0);
  const chip = (group, value, text, n) => h("button", {
    type: "button", class: "chip", "data-value": value, "aria-pressed": String(view[group] === value),
    on: { click: () => { view[group] = value; search(); } },
  }, text, h("i", {}, number(n)));
  fill($("statuses"), chip("status", "", "All", contacts.length),
    Object.entries(statusNames).map(([value, text]) => [value, text, count((c) => c.status === value)])
      .filter(([, , n]) => n).map(([value, text, n]) => chip("status", value, text, n)));
  $("decisions").hidden = !summary.reviewed;
  if (!summary.reviewed) return;
  const of = (state) => count((c) => c.status === "ok" && stateOf(c) === state);
  fill($("decisions"), chip("decision", "any", "Any", count((c) => c.status === "ok")), chip("decision", "", "To review", of("")),
    chip("decision", "approved", "Approved", of("approved")), chip("decision", "rejected", "Rejected", of("rejected")));
}

function makeFilters() {
  const values = (f) => [...new Set(contacts.map(f).filter(Boolean))].sort((a, b) => (a > b ? 1 : -1));
  const select = (name, label, options) => {
    if (options.length < 2 && name !== "warning" && name !== "sort") return null;
    const node = h("select", { name, "aria-label": label }, name === "sort" ? null : h("option", { value: "" }, label),
      options.map(([value, text]) => h("option", { value }, text)));
    node.addEventListener("change", () => { view[name] = node.value; search(); });
    return node;
  };
  const same = (list) => list.map((v) => [v, v]);
  fill($("filters"), select("playbook", "Any playbook", same(values((c) => c.playbook))),
    select("persona", "Any persona", same(values((c) => c.persona))),
    select("messages", "Any length", values((c) => c.emails.length).map((n) => [n, plural(n, "message")])),
    select("warning", "Any warnings", [["any", "With warnings"], ["none", "Without warnings"], ...same(rules.map(([name]) => name))]),
    select("sort", "Sort", [["row", "By row"], ["name", "By name"], ["slow", "Slowest first"], ["warnings", "Most warnings first"]]));
}
