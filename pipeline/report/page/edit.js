// A draft is a draft until it is saved: it stands in its fields and nowhere else.
let draft = null; // {c, i, madeOn, subject, body, section}

const dirty = () => Boolean(draft) && (draft.subject.value !== draft.from.subject || draft.body.value !== draft.from.body);

// edit turns a message into fields.
function edit(c, i) {
  leave(() => {
    const section = $("reader").querySelector(`[data-step="${i + 1}"]`);
    if (!section) return;
    const from = messages(c)[i];
    const subject = h("input", { class: "edit-subject", dir: "auto", "aria-label": `Subject of message ${i + 1}`, placeholder: i ? "empty: same thread" : "Subject" });
    const body = h("textarea", { class: "edit-body", dir: "auto", "aria-label": `Text of message ${i + 1}` });
    const save = button("save", "Save (Ctrl Enter)", saveDraft, "primary");
    const problem = h("p", { class: "error", role: "alert", hidden: true });
    subject.value = from.subject;
    body.value = from.body;
    draft = { c, i, from: { subject: subject.value, body: body.value }, madeOn: { ...c.review }, subject, body, problem };
    const fit = () => { body.style.height = "auto"; body.style.height = `${body.scrollHeight + 4}px`; };
    const typed = () => { fit(); problem.hidden = true; save.textContent = i && !body.value.trim() ? "drop this message" : "save"; };
    for (const field of [subject, body]) {
      field.addEventListener("input", typed);
      field.addEventListener("keydown", (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) saveDraft(); });
    }
    fill(section, h("header", {}, h("span", { class: "step" }, i + 1), subject), body, problem,
      h("footer", {}, save, button("discard", "Discard the changes (Esc)", discardDraft), h("span", { class: "muted" }, "a draft until it is saved")));
    typed();
    (i || from.subject ? body : subject).focus();
  });
}

// saveDraft returns whether the draft is one no longer.
function saveDraft() {
  const { c, i, subject, body, problem, madeOn } = draft;
  if (!i && !body.value.trim()) {
    problem.textContent = "The first message needs a text. Reject the sequence if it must not be sent.";
    problem.hidden = false;
    body.focus();
    return false;
  }
  const changed = dirty();
  draft = null;
  if (changed) change(c, i, body.value.trim() ? { subject: subject.value, body: body.value } : { subject: "", body: "" }, madeOn);
  redraw([c.key]);
  focusMessage(i);
  return true;
}

function discardDraft() {
  const { c, i } = draft;
  draft = null;
  redraw([c.key]);
  focusMessage(i);
}

// leave asks about a draft before it goes on.
async function leave(go, stay) {
  if (!dirty()) {
    draft = null;
    return go();
  }
  const { c, i } = draft;
  const choice = await ask(`Save the changes to message ${i + 1} for ${c.name}?`, [["save", "Save", "primary"], ["discard", "Discard"], ["", "Keep editing"]]);
  if (choice === "discard") draft = null;
  if (choice === "discard" || (choice === "save" && saveDraft())) return go();
  if (stay) stay();
  if (draft) draft.body.focus();
}

// change keeps the edits as long as they differ from what was answered. What was
// approved were other words: it has to be approved again.
function change(c, i, text, madeOn) {
  const emails = messages(c).map((m, j) => (j === i ? text : { subject: m.subject, body: m.body }));
  const same = emails.every((m, j) => m.subject === c.emails[j].subject && m.body === c.emails[j].body);
  const back = stateOf(c) === "approved";
  remembering([c], text.body ? `Changed message ${i + 1} for ${c.name}` : `Dropped message ${i + 1} for ${c.name}`);
  decide(c, { emails: same ? undefined : emails, ...(back ? { state: "" } : {}) }, madeOn);
  if (back) toast(`Changed message ${i + 1}: ${c.name} has to be approved again.`, undoButton());
}

function restore(c, i) {
  leave(() => {
    change(c, i, { subject: c.emails[i].subject, body: c.emails[i].body });
    redraw([c.key]);
    focusMessage(i);
  });
}

function drop(c, i) {
  leave(() => {
    change(c, i, { subject: "", body: "" });
    redraw([c.key]);
    focusMessage(i);
  });
}
