// What the page tells: a toast for what was done, a line that stays for what was
// not. Both are live regions.
let toastTimer;

function toast(text, action) {
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
// content gets the function that ends the dialog with an answer.
function ask(title, choices, content) {
  const dialog = $("ask");
  return new Promise((answer) => {
    const end = (value) => { answer(value); dialog.close(); };
    fill(dialog, h("h2", { id: "ask-title" }, title),
      h("div", { class: "choices" }, choices.map(([value, text, cls]) => button(text, text, () => end(value), cls || "plain"))),
      content && content(end));
    dialog.oncancel = () => answer("");
    dialog.showModal();
    dialog.querySelector(".choices button").focus();
  });
}
