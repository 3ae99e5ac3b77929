// Everything on the page is made by h, which takes text as text: no data can
// become markup, whoever wrote it.
const $ = (id) => document.getElementById(id);

function h(name, props, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "on") for (const [type, f] of Object.entries(value)) node.addEventListener(type, f);
    else if (key === "class") node.className = value;
    else node.setAttribute(key, value === true ? "" : value);
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children.flat(3)) {
    if (child === undefined || child === null || child === false || child === "") continue;
    node.append(child instanceof Node ? child : String(child));
  }
}

function fill(node, ...children) {
  node.replaceChildren();
  append(node, children);
}

// nameOf tells a control from others in its part of the page, so that it is found
// again when the part is drawn anew.
const nameOf = (node) => [node.id || node.dataset.value || node.textContent, node.localName, (node.closest("[data-step]") || { dataset: {} }).dataset.step].join("/");

// keepFocus draws a part of the page anew and leaves the focus on the same control.
function keepFocus(part, draw) {
  const at = part.contains(document.activeElement) && document.activeElement !== part ? document.activeElement : null;
  const name = at && nameOf(at); // while it stands in the page
  draw();
  if (!at || at.isConnected) return;
  const again = [...part.querySelectorAll(at.localName)].find((node) => nameOf(node) === name);
  if (again) again.focus({ preventScroll: true });
}

const button = (text, title, click, cls) =>
  h("button", { type: "button", class: cls || "quiet", title, on: { click } }, text);

const numbers = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });
const number = (n) => numbers.format(n);
const plural = (n, noun) => `${number(n)} ${noun}${n === 1 ? "" : "s"}`;

function duration(ms) {
  if (!(ms >= 0)) return "";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s < 10 && s % 1 ? s.toFixed(1) : Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
}

const pad = (n) => String(n).padStart(2, "0");
function moment(text) {
  const d = new Date(text);
  if (!text || isNaN(d)) return "";
  return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())} ${pad(d.getHours())}:${pad(d.getMinutes())}`;
}

// clockTime is an hour and a minute of the reader's own clock.
function clockTime(text) {
  const d = new Date(text);
  return isNaN(d) ? "" : `${pad(d.getHours())}:${pad(d.getMinutes())}`;
}

// zone names the reader's time zone, as hours are all in it.
function zone() {
  const east = -new Date().getTimezoneOffset();
  return `your time, UTC${east < 0 ? "−" : "+"}${Math.floor(Math.abs(east) / 60)}${east % 60 ? ":" + pad(Math.abs(east) % 60) : ""}`;
}

// safeURL lets through what a person may click; anything else stays text.
function safeURL(text) {
  try {
    const u = new URL(/^[a-z]+:/i.test(text) ? text : "https://" + text);
    return u.protocol === "https:" || u.protocol === "http:" ? u.href : "";
  } catch {
    return "";
  }
}

function link(text, url) {
  const href = safeURL(url);
  return href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text) : text;
}

async function copy(text, from) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not everywhere allowed for a file
    const area = h("textarea", { class: "offscreen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  if (!from) return;
  const before = from.textContent;
  from.textContent = "copied";
  from.classList.add("done");
  setTimeout(() => { from.textContent = before; from.classList.remove("done"); }, 1200);
}

// remember keeps a small thing where the browser allows it; null forgets it.
const stored = "octave-enrich.";
function remember(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(stored + name);
    if (value === null) localStorage.removeItem(stored + name);
    else localStorage.setItem(stored + name, value);
  } catch { /* then not */ }
  return null;
}

// remembered lists the names that begin with prefix.
function remembered(prefix) {
  try {
    return Object.keys(localStorage).filter((name) => name.startsWith(stored + prefix)).map((name) => name.slice(stored.length));
  } catch {
    return [];
  }
}

// rowRanges spells 3, 4, 5, 9 as 3–5, 9.
function rowRanges(rows) {
  const out = [];
  for (const row of [...new Set(rows)].sort((a, b) => a - b)) {
    const last = out[out.length - 1];
    if (last && last[1] === row - 1) last[1] = row;
    else out.push([row, row]);
  }
  return out;
}
