// Writing again: a mark that the next run follows. Nothing is paid here.
let marks = null; // as the server said last: {marked, calls, usage_per_call, command}
let unmarkable = ""; // why nobody can be marked now

const markOf = (c) => (marks && marks.marked && marks.marked[c.key]) || null;
const canMark = () => summary.live && (marks || unmarkable);

// askMarks asks who is marked; a server that cannot mark says 404, and is not asked again.
let asking = 0;
async function askMarks() {
  if (!summary.live || asking < 0) return;
  const mine = ++asking;
  try {
    const answer = await fetch("again");
    if (answer.status === 404) return void (asking = -1);
    if (mine === asking) await tookMarks(answer);
  } catch { /* no server: the decisions say so */ }
}

// tookMarks takes in an answer of the server, and shows what changed of the marks.
async function tookMarks(answer) {
  const before = new Set(Object.keys((marks && marks.marked) || {}));
  if (answer.ok) marks = await answer.json(), unmarkable = "";
  else unmarkable = (await answer.text()).trim().slice(0, 300);
  const now = new Set(Object.keys((marks && marks.marked) || {}));
  redraw([...before, ...now, $("reader").dataset.key]);
  return answer.ok;
}

// price says what calls will cost, as far as answers so far tell.
function price(calls) {
  const each = marks && marks.usage_per_call;
  return `${plural(calls, "call")}${each === undefined || each === null ? "" : `, about ${plural(Number(each) * calls, "credit")}`}`;
}

// writeAgain asks for one line of instruction and marks the contact.
function writeAgain(c) {
  leave(async () => {
    if (!marks) return toast(unmarkable ? `Nobody can be marked now: ${unmarkable}` : "Nobody can be marked here.");
    const before = markOf(c);
    const field = h("input", { id: "instruction", dir: "auto", maxlength: 500, "aria-label": "Instruction", placeholder: "what should be different, in one line; may stay empty" });
    field.value = before ? before.with || "" : "";
    const what = await ask(`Have ${c.name} written again?`, [["mark", "Mark", "primary"], ...(before ? [["undo", "Take the mark back"]] : []), ["", "Cancel"]], (end) => [
      field, h("p", { class: "muted cost" }, `${price(1)}, when the list is run again; until then these words stay. Nothing is paid now.`)], field);
    const text = field.value.trim();
    if (what === "undo") return sendMark([c], "", true);
    if (what === "mark") return sendMark([c], text, false);
  });
}

// sendMark sends marks, or takes them back, and says what became of each.
async function sendMark(list, text, undo) {
  let ok = false, answer;
  try {
    answer = await fetch("again", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ keys: list.map((c) => c.key), with: text, undo }) });
    ok = await tookMarks(answer);
  } catch {
    unmarkable = "no connection to the server";
  }
  if (!ok) return alertLine(`${list[0].name} is not marked: ${unmarkable}`);
  for (const { key, outcome, problem } of marks.results || []) {
    const name = (byKey.get(key) || list[0]).name;
    if (outcome === "refused") alertLine(`${name} is not marked: ${problem}`);
    if (outcome === "unmarked") toast(`${name} keeps these words.`);
    if (outcome === "before") toast(`${name} is asked by the next run anyway.`);
    if (outcome === "marked") toast(`${name} will be written again: ${price(marks.calls)} in all, when this is run: ${marks.command || runCommand()}`,
      [button("copy", "Copy the command", (e) => copy(marks.command || runCommand(), e.currentTarget)), button("undo", "Take the mark back", () => sendMark(list, "", true))]);
  }
}

// markNote stands in the bar of a contact that is marked.
function markNote(c) {
  const m = markOf(c);
  return m ? h("span", { class: "again", dir: "auto" }, "↻ will be written again", m.with ? `: ${m.with}` : "") : null;
}

// versions shows old and new words side by side, once a new answer is there.
function versions(c) {
  const before = c.earlier;
  if (!before) return null;
  const textOf = (m) => (m ? (m.html ? plainText(m.body) : m.body) : ""), subjectOf = (m) => (m ? m.subject : "");
  const now = messages(c), steps = Math.max(now.length, before.emails.length);
  const side = (nodes, but) => nodes.filter((node) => !(node instanceof Node) || node.localName !== but);
  const text = (a, b, but) => side(diff(a, b), but);
  const part = (i, but) => {
    const a = before.emails[i], b = now[i], m = but === "ins" ? a : b;
    return h("div", { class: "version" }, m && !m.dropped ? [h("p", { dir: "auto" }, h("b", {}, text(subjectOf(a), subjectOf(b), but))), h("div", { class: "plain-text", dir: "auto" }, text(textOf(a), textOf(b), but))] : h("p", { class: "muted" }, "no such message"));
  };
  const node = h("details", { class: "versions" }, h("summary", {}, `Written again: before (${moment(before.at)}) and now`),
    h("div", { class: "sides" }, h("h3", {}, "Before"), h("h3", {}, "Now"), Array.from({ length: steps }, (_, i) => [part(i, "ins"), part(i, "del")])));
  node.open = !stateOf(c);
  return node;
}
