// What a sender's file would take: the rule of the export, so that the page and the
// file of held rows agree. The table says which lines hold.
const holding = new Set(lines.filter((l) => l.hold).map((l) => l.name));
const personal = ["email", "firstName", "lastName", "jobTitle", "companyName", "companyDomain", "linkedInProfile"];

// holdOf is why a sequence is held back, or "". seen are the addresses before it.
function holdOf(c, steps, seen) {
  const r = c.request || {}, sent = messages(c).filter((m) => !m.dropped);
  const address = (r.email || "").trim().toLowerCase();
  if (!address) return "no email address";
  if (sent.length < steps) return "sequence too short";
  for (const field of personal) for (const name of Object.keys(whys(r[field] || "", "cell", ""))) if (holding.has(name)) return name;
  for (const m of c.lint.slice(0, steps)) for (const name of Object.keys(m.whys)) if (holding.has(name)) return name;
  if (seen.has(address)) return "duplicate address";
  seen.add(address);
  return "";
}

// judgeAll says of every sequence whether it can be sent. Sequences are as long as
// most are.
function judgeAll() {
  const written = contacts.filter((c) => c.status === "ok"), lengths = new Map(), seen = new Set();
  for (const c of written) lengths.set(c.emails.length, (lengths.get(c.emails.length) || 0) + 1);
  const steps = [...lengths].sort((a, b) => b[1] - a[1] || b[0] - a[0])[0]?.[0] || 0;
  for (const c of written) c.hold = holdOf(c, steps, seen);
  return steps;
}
