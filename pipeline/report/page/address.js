// The address holds what is shown: #emails?q=words&status=failed&c=KEY. It can be
// kept, sent and gone back to.
const inAddress = { text: "q", status: "status", decision: "decision", playbook: "playbook", persona: "persona", messages: "messages", warning: "warning", sort: "sort", inRun: "run", hold: "hold", heals: "heals", rewritten: "rewritten", again: "again", sender: "for" };
const unfiltered = { text: "", status: "", decision: "any", playbook: "", persona: "", messages: "", warning: "", sort: "row", inRun: "", hold: "", heals: "", rewritten: "", again: "", sender: "" };

let written = ""; // by this page: says nothing new
function writeAddress() {
  if ($("emails").hidden) return;
  const query = new URLSearchParams();
  for (const [name, short] of Object.entries(inAddress)) if (view[name] !== unfiltered[name]) query.set(short, view[name] === "" ? "none" : view[name]);
  if ($("reader").dataset.key) query.set("c", $("reader").dataset.key);
  written = "#emails" + (query.size ? "?" + query : "");
  history.replaceState(null, "", written);
}

// readAddress returns the name of the view and the contact; filters that stand
// there are set.
function readAddress() {
  const hash = location.hash.slice(1);
  if (hash.startsWith("c=")) return { name: "emails", key: hash.slice(2) };
  const [name, text] = hash.split("?");
  if (!text || location.hash === written) return { name };
  const query = new URLSearchParams(text);
  for (const [field, short] of Object.entries(inAddress)) view[field] = query.has(short) ? (query.get(short) === "none" && unfiltered[field] === "any" ? "" : query.get(short)) : unfiltered[field];
  $("search").value = view.text;
  for (const select of $("filters").querySelectorAll("select")) select.value = view[select.name];
  search();
  return { name, key: query.get("c") };
}

// fold makes letters comparable: without capitals and accents.
const folded = { "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe" };
function fold(text) {
  const lower = text.toLowerCase();
  if (!/[^\x00-\x7f]/.test(lower)) return lower;
  return lower.normalize("NFD").replace(/\p{M}/gu, "").replace(/[ßøłđıæœ]/g, (c) => folded[c]);
}

// wordsOf are what a search looks for: words, and phrases in quotes.
const wordsOf = (text) => (fold(text).match(/"[^"]*"?|[^\s"]+/g) || []).map((w) => w.replaceAll('"', "").trim()).filter(Boolean);
