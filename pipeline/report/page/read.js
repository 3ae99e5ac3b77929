// The reading pane shows a sequence as the inbox of its recipient would.
function read(c, stay) {
  const pane = $("reader"), top = pane.scrollTop;
  pane.dataset.key = c.key;
  keepFocus(pane, () => fillReader(pane, c));
  pane.scrollTop = stay ? top : 0;
  writeAddress();
}

function fillReader(pane, c) {
  const list = messages(c);
  fill(pane,
    button("‹ Contacts", "Back to the list (Esc)", () => leave(() => document.body.classList.remove("reading")), "quiet back"),
    heading(c), facts(c),
    c.error ? h("p", { class: "error" }, h("b", {}, c.status === "failed" ? "Failed: " : "Not found: "), c.error,
      c.kind ? h("span", { class: "muted" }, ` (${c.kind}${c.http ? ", HTTP " + c.http : ""}${c.billed ? ", possibly billed" : ""})`) : null) : null,
    versions(c), inbox(c), h("div", { class: "beside" }, h("div", { class: "steps" }, list.map((m, i) => message(c, m, i))), evidence(c)),
    told(c), reviewBar(c));
}

function heading(c) {
  const r = c.request || {};
  return h("header", { class: "who" },
    h("div", { class: "avatar", "aria-hidden": "true" }, [...c.name][0].toUpperCase()),
    h("div", {},
      h("h2", {}, c.name, c.row ? h("span", { class: "num" }, ` row ${c.row}`) : null),
      h("p", {}, [r.jobTitle, r.companyName].filter(Boolean).join(" at "),
        r.companyDomain ? [r.jobTitle || r.companyName ? " · " : "", link(r.companyDomain, r.companyDomain)] : null),
      h("p", { class: "muted" }, r.email, r.linkedInProfile ? [r.email ? " · " : "", link("LinkedIn", r.linkedInProfile)] : null)),
    c.emails.length ? h("div", { class: "actions" },
      h("button", { type: "button", class: "quiet", id: "copy-all", title: "Copy all messages (c)", on: { click: (e) => copy(sequenceText(c), e.currentTarget) } }, "copy sequence")) : null);
}

function facts(c) {
  const fact = (name, value) => (value ? h("span", { class: "fact" }, h("i", {}, name), value) : null);
  return h("p", { class: "facts" }, fact("playbook", c.playbook), fact("persona", c.persona), fact("product", c.product),
    fact("answered in", c.latency_ms ? duration(c.latency_ms) : ""), fact("credits", c.usage), fact("attempts", c.attempts > 1 ? c.attempts : ""),
    fact("on", moment(c.at)), fact("request", c.request_id));
}

function threadOf(list, i) {
  for (let j = i - 1; j >= 0; j--) if (!list[j].dropped && list[j].subject.trim()) return list[j].subject;
  return "";
}

function message(c, m, i) {
  const list = messages(c), check = lintOf(c)[i], thread = threadOf(list, i);
  return h("section", { class: m.dropped ? "message dropped" : "message", "data-step": i + 1, tabindex: "-1", "aria-label": `Message ${i + 1}` },
    h("header", {},
      h("span", { class: "step" }, i + 1),
      h("h3", { class: m.subject.trim() ? "" : "reply", dir: "auto" }, m.dropped ? "(dropped)" : m.subject.trim() ? marked(m.subject, c, "subject", "text") : thread ? "Re: " + thread : "(no subject)"),
      h("span", { class: "meta" }, m.subject.trim() || !i || m.dropped ? null : h("span", {}, "same thread"), m.edited ? h("span", { class: "good" }, m.dropped ? "dropped" : "edited") : null,
        m.dropped ? null : h("span", {}, plural(check.words, "word")))),
    check.warnings.length ? h("p", { class: "warnings" }, check.warnings.map((w) => h("span", { class: "warning" }, h("span", { class: "badge warn" }, w), " ", check.whys[w]))) : null,
    m.dropped ? null : bodyOf(c, m), changes(c, m, i),
    m.value && !m.dropped ? h("p", { class: "value", dir: "auto" }, h("i", {}, "core value"), m.value) : null,
    messageTools(c, m, i));
}

function messageTools(c, m, i) {
  const live = summary.live && c.review;
  return h("footer", {},
    m.dropped ? null : [m.subject ? button("copy subject", "Copy the subject", (e) => copy(m.subject, e.currentTarget)) : null,
      button("copy text", "Copy the text", (e) => copy(m.html ? plainText(m.body) : m.body, e.currentTarget)),
      m.html ? button("copy HTML", "Copy the source", (e) => copy(m.body, e.currentTarget)) : null,
      live ? button("edit", "Edit this message (e)", () => edit(c, i)) : null,
      live && i ? button("drop this message", "Leave this message out of the sequence", () => drop(c, i)) : null],
    live && m.edited ? button("as written", "Undo the edits of this message", () => restore(c, i)) : null);
}

// currentMessage is the one that was chosen with a digit, else the first.
function currentMessage() {
  const chosen = document.activeElement && document.activeElement.closest("[data-step]");
  return chosen ? chosen.dataset.step - 1 : 0;
}

function focusMessage(i) {
  const section = $("reader").querySelector(`[data-step="${i + 1}"]`);
  if (!section) return false;
  section.focus({ preventScroll: true });
  section.scrollIntoView({ block: "nearest" });
  return true;
}

// redraw shows what changed about contacts, and leaves a draft alone.
function redraw(keys) {
  drawRows();
  chips();
  progress();
  if (!$("overview").hidden) drawOverview();
  const key = $("reader").dataset.key, c = byKey.get(key);
  if (c && keys.includes(key) && !draft) read(c, true);
}

// markFrame marks the texts of an HTML message as those of others are.
function markFrame(c, doc) {
  const walker = doc.createTreeWalker(doc.body, NodeFilter.SHOW_TEXT), texts = [];
  while (walker.nextNode()) if (!walker.currentNode.parentNode.closest("style, script, title")) texts.push(walker.currentNode);
  for (const node of texts) {
    const nodes = marked(node.data, c, "body", "html");
    if (nodes.length > 1) node.replaceWith(...nodes);
  }
}

// frame shows HTML where it can neither run, nor load, nor leave; its links lead
// nowhere.
function frame(c, body) {
  const node = h("iframe", { sandbox: "allow-same-origin", title: "HTML email", referrerpolicy: "no-referrer" });
  node.addEventListener("load", () => {
    const doc = node.contentDocument;
    for (const a of doc ? doc.querySelectorAll("a, area") : []) a.removeAttribute("href"), a.removeAttribute("xlink:href");
    if (doc && doc.body) markFrame(c, doc);
    if (doc) node.style.height = `${Math.min(doc.documentElement.scrollHeight + 2, 4000)}px`;
  });
  node.srcdoc = `<!doctype html><meta name="color-scheme" content="light"><style>body{font:15px/1.6 system-ui,sans-serif;margin:14px 18px;color:#1c2126;overflow-wrap:anywhere}img{max-width:100%}mark{background:#faeedb;color:#855006}u[title]{text-decoration:underline dotted;text-underline-offset:3px}</style>` + body;
  return node;
}

function sequenceText(c) {
  return messages(c).filter((m) => !m.dropped).map((m, i) => `Message ${i + 1}\nSubject: ${m.subject}\n\n${m.html ? plainText(m.body) : m.body}`).join("\n\n---\n\n") + "\n";
}

// told is what the agent was told about this contact beyond who it is, and the
// request as it was sent.
function told(c) {
  const r = c.request || {};
  const lines = [];
  for (const [group, name] of [["runtimeContext", "context"], ["runtimeInstructions", "instructions"]])
    for (const [step, text] of Object.entries(r[group] || {})) lines.push([step === "all" ? name : `${name}, message ${step}`, text]);
  for (const [field, name] of [["lang", "language"], ["outputFormat", "format"], ["agentOId", "agent"], ["experimentOId", "experiment"], ["playbookSelectionContext", "for the choice of a playbook"]])
    if (r[field]) lines.push([name, r[field]]);
  if (!c.request) return null;
  return h("details", { class: "told" }, h("summary", {}, "What was asked"),
    h("dl", {}, lines.map(([name, text]) => [h("dt", {}, name), h("dd", {}, String(text))])),
    h("pre", {}, JSON.stringify(c.request, null, 2)));
}
