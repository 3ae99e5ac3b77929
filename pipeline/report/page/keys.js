// Routes, keys, theme; the page starts here.
const keyHelp = [
  ["j k ↓ ↑", "next and previous contact"], ["Enter", "read"], ["Esc", "back, or leave the search"], ["/", "search"],
  ["Space", "scroll the sequence, then go on"], ["c", "copy the sequence"], ["1 – 7", "go to that message"], ["o", "overview or emails"], ["p", "print"], ["t", "light or dark"], ["?", "these keys"],
];
const reviewKeys = [["a", "approve, and go to the next one to review"], ["x", "reject, with a reason, and go on"], ["z", "undo the last decision, or many made at once"], ["u", "back to undecided"],
  ["e", "edit the message you are at"], ["g", "have it written again, with an instruction"], ["Ctrl Enter", "save a draft"], ["Esc", "discard a draft"]];

// go shows another view at once: the event comes later, and what is drawn meanwhile
// would write the old address again.
function go(hash) {
  location.hash = hash;
  if (!dirty()) route(); // else the event asks what becomes of the draft
}

function route() {
  const hash = location.hash.slice(1);
  if (dirty() && hash && (!/^(emails|c=)/.test(hash) || (hash.includes("c=") && !hash.includes(draft.c.key)))) return leave(route, () => { location.hash = "#c=" + draft.c.key; });
  const { name, key } = readAddress();
  const emails = name === "emails" || Boolean(!name && summary.live);
  $("overview").hidden = emails;
  $("emails").hidden = !emails;
  $("tab-overview").toggleAttribute("aria-current", !emails);
  $("tab-emails").toggleAttribute("aria-current", emails);
  if (!emails) {
    drawOverview();
    return document.body.classList.remove("reading");
  }
  measure();
  if (key && (view.at < 0 || view.hits[view.at].key !== key)) openKey(key);
  else if (view.at >= 0) writeAddress();
  else if (matchMedia("(min-width: 860px)").matches) open(summary.live ? Math.max(0, view.hits.findIndex(waits)) : 0);
}

// measure takes the height of a row from the style sheet.
function measure() {
  rowHeight = parseInt(getComputedStyle(document.documentElement).getPropertyValue("--row"), 10) || rowHeight;
  $("rows").style.height = `${view.hits.length * rowHeight}px`;
  drawRows();
}

function typing(e) {
  return e.target.closest("input, textarea, select");
}

function onKey(e) {
  if (e.key === "Escape") return escape(e);
  if (typing(e) || e.ctrlKey || e.metaKey || e.altKey || $("keys").open || $("ask").open) return;
  const emails = !$("emails").hidden, c = view.hits[view.at];
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[e.key];
  if (e.key === "?") showKeys();
  else if (e.key === "o") go(emails ? "#overview" : "#emails");
  else if (e.key === "t") switchTheme();
  else if (e.key === "p") printPages();
  else if (e.key === "/") { if (!emails) go("#emails"); $("search").focus(); }
  else if (e.key === "z" && summary.live) e.repeat || undo();
  else if (!emails || (step && e.key.length > 1 && e.target.closest("#reader"))) return;
  else if (step) move(Math.min(Math.max(view.at + step, 0), view.hits.length - 1));
  else if (e.key === "Home" || e.key === "End") move(e.key === "Home" ? 0 : view.hits.length - 1);
  else if (e.key === " " && !e.target.closest("button, a, summary")) scrollOn();
  else if (e.key === "Enter" && !e.target.closest("button, a, summary")) { document.body.classList.add("reading"); $("reader").focus(); }
  else if (c && e.key === "c" && c.emails.length) copy(sequenceText(c), $("copy-all"));
  else if (c && e.key >= "1" && e.key <= "7" && focusMessage(e.key - 1)) { /* done */ }
  else if (!(summary.live && reviewKey(e, c))) return;
  e.preventDefault();
}

const move = (i) => leave(() => open(i));

// scrollOn goes down the sequence, and at its end to the next one.
function scrollOn() {
  const pane = $("reader");
  if (pane.scrollTop + pane.clientHeight < pane.scrollHeight - 4) pane.scrollBy({ top: pane.clientHeight * 0.85 });
  else move(Math.min(view.at + 1, view.hits.length - 1));
}

function escape(e) {
  if ($("keys").open || $("ask").open) return;
  if (draft) return discardDraft();
  if (e.target === $("search")) { $("search").blur(); $("list").focus(); return; }
  if (typing(e)) return e.target.blur();
  document.body.classList.remove("reading");
  $("list").focus();
}

function showKeys() {
  const list = (keys) => h("dl", {}, keys.map(([key, text]) => [h("dt", {}, key.split(" ").map((k) => h("kbd", {}, k))), h("dd", {}, text)]));
  fill($("keys"), h("h2", {}, "Keys"), list(keyHelp), summary.live ? [h("h2", {}, "Review"), list(reviewKeys)] : null,
    h("form", { method: "dialog" }, h("button", { class: "primary" }, "Close")));
  $("keys").showModal();
}

const themes = ["", "light", "dark"];
function switchTheme() {
  const next = themes[(themes.indexOf(document.documentElement.dataset.theme || "") + 1) % themes.length];
  document.documentElement.dataset.theme = next;
  remember("theme", next || null);
}

function listen() {
  let timer;
  $("search").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { view.text = $("search").value; search(); }, 60);
  });
  $("search").addEventListener("keydown", (e) => {
    if (e.key !== "Enter" && e.key !== "ArrowDown") return;
    clearTimeout(timer);
    view.text = $("search").value;
    search();
    e.preventDefault();
    e.stopPropagation();
    $("list").focus();
    open(Math.max(view.at, 0));
  });
  $("list").addEventListener("scroll", () => requestAnimationFrame(drawRows), { passive: true });
  $("clear").addEventListener("click", clearFilters);
  $("printer").addEventListener("click", printPages);
  $("theme").addEventListener("click", switchTheme);
  $("help").addEventListener("click", showKeys);
  addEventListener("keydown", onKey);
  addEventListener("hashchange", route);
  let wide = innerWidth;
  addEventListener("resize", () => {
    measure();
    if (wide !== innerWidth && !$("overview").hidden) drawOverview();
    wide = innerWidth;
  });
}

async function start() {
  document.documentElement.dataset.theme = remember("theme") || "";
  try {
    const served = document.querySelector("meta[http-equiv]").content.includes("connect-src 'self'");
    const asked = served ? fetch("decisions").catch((e) => ({ ok: false, text: () => e.message })) : null; // while the data are unpacked
    await unpack();
    await startSaving(asked);
  } catch (e) {
    $("loading").textContent = `The page could not be opened: ${e.message}. It may be cut short, the browser too old, or the server gone.`;
    return;
  }
  $("loading").remove();
  const last = summary.runs.findLast((r) => r.began && r.began.input);
  $("title").textContent = last ? last.began.input.name : summary.checkpoint;
  $("subtitle").textContent = [summary.live ? "review" : "report", summary.service, moment(summary.made)].join(" · ");
  $("printed").textContent = [$("title").textContent, summary.live ? "review" : "report", `page made ${moment(summary.made)}`].join(" · ");
  if (summary.damaged) {
    $("notice").hidden = false;
    $("notice").textContent = `${plural(summary.damaged, "record")} of the checkpoint cannot be read; the page shows the others.`;
  }
  view.sender = unfiltered.sender = usualSender();
  prepare();
  makeFilters();
  search();
  listen();
  route();
  follow();
  askMarks();
  performance.mark("ready");
  document.documentElement.dataset.ready = "true";
}

start();
