// Charts are plain SVG; colours come from the style sheet.
function s(name, props, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(props || {})) node.setAttribute(key, value);
  append(node, children);
  return node;
}

function niceTop(n) {
  if (!(n > 0)) return 1;
  const scale = 10 ** Math.floor(Math.log10(n));
  return [1, 2, 4, 6, 10].map((m) => m * scale).find((m) => m >= n); // halves that are even, too
}

// room is how wide a chart is drawn, so that its letters are as large as others.
const room = (wide) => Math.max(280, Math.min(innerWidth - (innerWidth < 860 ? 54 : 106), wide || innerWidth < 1100 ? 1138 : 540));

function axes(svg, top, height, left, right, unit) {
  const said = new Set();
  for (const part of [0, 1, 0.5]) {
    if (part === 0.5 && top === 1) continue;
    const y = 8 + height * (1 - part), text = unit(top * part);
    svg.append(s("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }));
    if (!said.has(text)) svg.append(s("text", { class: "tick", x: left - 6, y: y + 4, "text-anchor": "end" }, text));
    said.add(text);
  }
}

// hatch is a pattern, so that what failed is told from the rest without colour.
const hatch = () => s("defs", {}, s("pattern", { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
  s("rect", { class: "hatch-ground", width: 5, height: 5 }), s("rect", { class: "hatch-line", width: 2, height: 5 })));

// bars draws stacked bars: points are {parts: {class: n}, title}.
function bars(points, height, unit, label, right) {
  const left = 52, width = right - left;
  const svg = s("svg", { viewBox: `0 0 ${right} ${height + 32}`, role: "img", "aria-label": label });
  const sum = (p) => Object.values(p.parts).reduce((a, b) => a + b, 0);
  const top = niceTop(Math.max(...points.map(sum), 0));
  svg.append(hatch());
  axes(svg, top, height, left, right, unit);
  const step = width / points.length, gap = step > 6 ? Math.min(step * 0.18, 3) : 0;
  points.forEach((p, i) => {
    const group = s("g", { class: "bar" }, s("title", {}, p.title));
    let y = 8 + height;
    for (const [cls, n] of Object.entries(p.parts)) {
      if (!n) continue;
      const tall = Math.max((n / top) * height, 0.75);
      y -= tall;
      group.append(s("rect", { class: cls, x: left + i * step + gap / 2, y, width: Math.max(Math.min(step, 120) - gap, 0.6), height: tall }));
    }
    svg.append(group);
  });
  return { svg, x: (i) => left + i * step, bottom: 8 + height + 18 };
}

function labels(chart, list) {
  const said = new Set();
  for (const [i, text, anchor] of list.filter(([, text]) => !said.has(text) && said.add(text)))
    chart.svg.append(s("text", { class: "tick", x: chart.x(i), y: chart.bottom, "text-anchor": anchor || "middle" }, text));
  return chart.svg;
}

function clock(date, span) {
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}`;
  if (span < 600) return `${time}:${pad(date.getSeconds())}`;
  return span > 86400 ? `${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${time}` : time;
}

function overTime(run) {
  const span = run.seconds * run.points.length, n = run.points.length;
  const when = (i) => clock(new Date(Date.parse(run.begin) + i * run.seconds * 1000), span);
  const ticks = [[0, when(0), "start"], [n / 2, when(n / 2)], [n, when(n), "end"]];
  const calls = run.points.map(([asked, answered, refused, failed], i) => ({
    parts: { "fill-good": answered / run.seconds, "fill-warn": refused / run.seconds, "fill-bad": failed / run.seconds },
    title: `${when(i)}: ${asked} asked, ${answered} answered, ${refused} refused, ${failed} failed`,
  }));
  const waits = run.points.map(([, answered, , , ms], i) => ({ parts: { "fill-soft": ms }, title: `${when(i)}: ${duration(ms)} per answer (${answered})` }));
  return [
    h("div", { class: "legend" }, h("i", { class: "dot good" }), "answered", h("i", { class: "dot warn" }), "refused (429)", h("i", { class: "dot bad" }), "failed",
      h("span", { class: "muted" }, `calls per second, ${run.seconds === 1 ? "each second" : "means over " + duration(run.seconds * 1000)}; ${zone()}`)),
    labels(bars(calls, 170, (v) => number(v), "Calls per second over time", room(true)), ticks),
    h("div", { class: "legend" }, h("i", { class: "dot soft" }), "time per answer", h("span", { class: "muted" }, zone())),
    labels(bars(waits, 80, (v) => (v ? duration(v) : "0"), "Time per answer over time", room(true)), ticks),
  ];
}

function histogram(latency) {
  const list = latency.buckets;
  const chart = bars(list.map((b) => ({ parts: { "fill-soft": b.n }, title: `${duration(b.from)} to ${duration(b.to)}: ${plural(b.n, "answer")}` })), 130, number, "Answers by time taken", room(false));
  const every = Math.ceil(list.length / 8);
  return labels(chart, list.map((b, i) => [i, duration(b.from), i ? "middle" : "start"]).filter((_, i) => i % every === 0));
}
