// What all parts of the page use: elements, numbers as people read them, scales, requests.

const $ = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

function shape(name, attributes = {}, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// A number with as many digits as its error makes sense of.
function number(value, error) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "\u2013";
  const unit = error > 0 && Number.isFinite(error) ? error : Math.abs(value) || 1;
  const digits = Math.ceil(-Math.log10(unit)) + 1;
  const size = Math.abs(value);
  if (!size && digits > 8) return "0";
  // a power of ten hides the digits that matter where the error is small beside the number
  const known = Math.log10(size / unit);
  if (size && ((size >= 1e7 && (known < 6 || size >= 1e15)) || size < 1e-4)) {
    const more = Math.max(1, Math.min(15, Math.ceil(known) + 2));
    return value.toExponential(more - 1).replaceAll("-", "\u2212");
  }
  return parted(value.toFixed(Math.max(0, Math.min(8, digits))).replace(/^-(?=[0.]+$)/, ""));
}

// Digits in groups, and a sign as wide as they are.
function parted(text) {
  const [whole, rest] = text.split(".");
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  return (rest ? `${groups}.${rest}` : groups).replaceAll("-", "\u2212");
}

// The mean of a target; one that is observed as it was typed, since it has no error.
function estimate(row, name) {
  const typed = (row.observed || []).includes(name) ? state.given[name] : undefined;
  return typed === undefined ? number(row.mean[name], row.std[name]) : parted(String(typed));
}

// Round numbers between two ends, about `count` of them.
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at++) found.push(at * step);
  return { step, at: found };
}

const linear = (low, high, from, to) => (value) => from + ((value - low) / (high - low)) * (to - from);

class Refused extends Error {
  constructor(message, rows) {
    super(message);
    this.rows = rows || [];
  }
}

async function ask(path, options = {}) {
  const response = await host.request(path, options);
  if (response.ok) return response;
  let said = `${response.status} ${response.statusText}`;
  let rows = [];
  try {
    const { error } = await response.json();
    said = error.message || said;
    rows = error.rows || [];
  } catch (ignored) { /* no JSON: the status has to do */ }
  throw new Refused(said, rows);
}

const post = (path, content, signal) =>
  ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content), signal });

function complain(text) {
  $("message").textContent = text || "";
  $("message").hidden = !text;
}

function download(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const anchor = element("a", { href: url, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// What the page shows: a row, observed targets, a pair, a level; and the answer to it.
// `touched`: whether somebody changed it here since it was kept.
const state = { schema: null, row: {}, given: {}, pair: null, level: 0.9, answer: null, seen: {}, touched: false };
let changed = () => {};
