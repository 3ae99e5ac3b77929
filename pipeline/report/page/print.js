// On paper: the overview, or every sequence that the filters leave, in light
// colours, with the list and the date on top.
async function printPages() {
  const emails = view.hits.filter((c) => c.emails.length);
  const what = await ask("Print what?", [["summary", "The overview", "primary"], ["emails", `All ${plural(emails.length, "filtered sequence")}`]]);
  if (!what) return;
  const before = location.hash;
  if (what === "summary") location.hash = "#overview", route();
  else {
    fill($("print"), emails.map((c) => h("section", {}, heading(c), messages(c).filter((m) => !m.dropped).map((m, i) => h("section", { class: "message" },
      h("header", {}, h("span", { class: "step" }, i + 1), h("h3", { dir: "auto" }, m.subject || "(same thread)")), h("div", { class: "text", dir: "auto" }, m.html ? plainText(m.body) : m.body))))));
    document.body.classList.add("printing");
  }
  addEventListener("afterprint", () => { document.body.classList.remove("printing"); fill($("print")); location.hash = before; }, { once: true });
  print();
}
