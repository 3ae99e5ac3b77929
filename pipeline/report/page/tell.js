// What the page tells: a toast for what was done, a line that stays for what was
// not. Live regions say both.
let toastTimer;

// say tells those who hear the page; a region that stays in place is heard.
function say(text) {
  $("said").textContent = text;
}

function toast(text, action) {
  say(text);
  clearTimeout(toastTimer);
  fill($("toast"), h("span", {}, text), action);
  $("toast").hidden = false;
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

function alertLine(text, action) {
  const line = h("p", { class: "notice" }, h("span", {}, text), action, button("✕", "Close this message", () => line.remove()));
  $("alerts").append(line);
}

// ask opens a dialog of buttons and returns which was pressed: "" when none.
// content gets the function that ends the dialog with an answer; the first choice is
// also what Enter means in its field.
function ask(title, choices, content, field) {
  const dialog = $("ask");
  return new Promise((answer) => {
    const end = (value) => { answer(value); dialog.close(); };
    const buttons = h("div", { class: "choices" }, choices.map(([value, text, cls]) => button(text, text, () => end(value), cls || "plain")));
    fill(dialog, h("h2", { id: "ask-title" }, title), field ? [content(end), buttons] : [buttons, content && content(end)]);
    if (field) field.addEventListener("keydown", (e) => { if (e.key === "Enter" && !e.isComposing) e.preventDefault(), end(choices[0][0]); });
    dialog.oncancel = () => answer("");
    dialog.showModal();
    (field || buttons.firstChild).focus();
  });
}
