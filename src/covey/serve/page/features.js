// A control for each feature: a slider and a number, a list of labels, or a text for dates.

const controls = new Map();

function buildFeatures() {
  const list = $("feature-list");
  list.replaceChildren();
  list.addEventListener("submit", (event) => event.preventDefault());
  state.schema.features.forEach((feature, index) => {
    const control = feature.kind === "label" ? labelControl(feature, index) : numberControl(feature, index);
    controls.set(feature.name, control);
    if (!feature.used) control.box.classList.add("idle");
    control.box.dataset.name = feature.name.toLowerCase();
    list.append(control.box);
  });
  const filter = $("filter");
  filter.hidden = state.schema.features.length < 15;
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const { box } of controls.values()) box.hidden = !box.dataset.name.includes(wanted);
  });
}

function labelControl(feature, index) {
  const id = `feature-${index}`;
  const select = element("select", { id });
  select.append(element("option", { value: "", text: "not known" }));
  for (const label of feature.labels) select.append(element("option", { value: `=${label}`, text: label }));
  const note = element("div", { class: "note", hidden: true });
  select.addEventListener("change", () => {
    state.row[feature.name] = select.value ? select.value.slice(1) : null;
    markRow(-1, {});
    changed();
  });
  const box = element("div", { class: "feature label" }, element("label", { for: id, text: feature.name, title: feature.name }), select, note);
  return {
    box,
    note,
    show(cell) {
      const value = cell === null ? null : String(cell);
      state.row[feature.name] = value;
      const wanted = value === null ? "" : `=${value}`;
      if (![...select.options].some((option) => option.value === wanted)) {
        select.append(element("option", { value: wanted, text: value }));
      }
      select.value = wanted;
    },
  };
}

const DAY = 86400000;

function stamp(days, span) {
  const text = new Date(Math.round(days * DAY)).toISOString();
  return span > 400 ? text.slice(0, 10) : text.slice(0, 16).replace("T", " ");
}

function daysOf(text) {
  const found = Date.parse(/\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00Z` : `${String(text).replace(" ", "T")}Z`);
  return Number.isNaN(found) ? null : found / DAY;
}

function clock(days) {
  const minutes = Math.min(1439, Math.round(days * 1440));
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

function hoursOf(text) {
  const parts = String(text).split(":").map(Number);
  return parts.some(Number.isNaN) ? null : (parts[0] + (parts[1] || 0) / 60 + (parts[2] || 0) / 3600) / 24;
}

// How the slider's number becomes a cell, and back.
function spelling(feature) {
  const span = feature.high - feature.low;
  if (feature.kind === "date") return { write: (value) => stamp(value, span), read: daysOf };
  if (feature.kind === "time") return { write: clock, read: hoursOf };
  if (feature.kind === "duration") {
    return { write: (value) => `${value.toFixed(6)} days`, read: (text) => parseFloat(text) || 0 };
  }
  if (typeof feature.example === "string") {
    return { write: (value) => `${value}%`, read: (text) => parseFloat(text) };
  }
  return null;
}

function numberControl(feature, index) {
  const id = `feature-${index}`;
  const text = spelling(feature);
  const low = feature.low ?? feature.typical - 1;
  const high = feature.high ?? feature.typical + 1;
  const width = high - low || Math.abs(low) || 1;
  const step = feature.whole ? 1 : 10 ** Math.floor(Math.log10(width / 200));
  const from = feature.whole ? low : Math.floor(low / step) * step;
  const decimals = Math.max(0, Math.ceil(-Math.log10(step)));
  const plain = (value) => (Number.isInteger(value) ? String(value) : String(+value.toPrecision(9)));
  const slider = element("input", { type: "range", min: from, max: high, step, "aria-label": `${feature.name}, slider`, disabled: high === low });
  const field = element("input", { type: text ? "text" : "number", id, step: text ? null : "any" });
  const unknown = element("button", { type: "button", class: "unknown", title: "Not known", "aria-label": `${feature.name} is not known`, "aria-pressed": "false", text: "?" });
  const note = element("div", { class: "note", hidden: true });
  const shown = (value) => (text ? text.write(value) : number(value, feature.whole ? 10 : width / 20));
  const ends = element("div", { class: "ends", "aria-hidden": "true" }, element("span", { text: shown(low) }), element("span", { text: shown(high) }));
  const box = element(
    "div", { class: text ? "feature text" : "feature" },
    element("label", { for: id, text: feature.name, title: `${feature.name}: ${feature.read_as}` }), field, unknown, slider, ends, note,
  );
  let kept = text ? feature.example : feature.typical;
  const take = (value) => {
    state.row[feature.name] = value;
    if (value !== null) kept = value;
    markRow(-1, {});  // it is no row of the table any more
    changed();
  };
  const mark = (value) => {
    box.classList.toggle("missing", value === null);
    unknown.setAttribute("aria-pressed", String(value === null));
  };
  slider.addEventListener("input", () => {
    const value = +(+slider.value).toFixed(decimals);
    const cell = text ? text.write(value) : value;
    field.value = cell;
    mark(cell);
    take(cell);
  });
  field.addEventListener("input", () => {
    const empty = field.value.trim() === "";
    const cell = empty ? null : text ? field.value : +field.value;
    const at = cell === null ? null : text ? text.read(cell) : cell;
    if (at !== null && Number.isFinite(at)) slider.value = at;
    mark(cell);
    take(cell);
  });
  unknown.addEventListener("click", () => {
    const cell = state.row[feature.name] === null ? kept : null;
    control.show(cell);
    take(cell);
  });
  const control = {
    box,
    note,
    show(cell) {
      let value = cell;
      if (!text && typeof cell === "string" && cell.trim() !== "" && Number.isFinite(+cell)) value = +cell;
      state.row[feature.name] = value;
      field.value = value === null ? "" : text ? value : plain(value);
      const at = value === null ? null : text ? text.read(value) : value;
      if (at !== null && Number.isFinite(at)) slider.value = at;
      mark(value);
    },
  };
  return control;
}

function showRow(row) {
  for (const [name, control] of controls) control.show(row[name] ?? null);
}

function showNotes(notes) {
  const said = new Map();
  for (const note of notes) said.set(note.column, [...(said.get(note.column) || []), note.reason]);
  for (const [name, control] of controls) {
    const reasons = said.get(name);
    control.note.hidden = !reasons;
    control.note.textContent = reasons ? reasons.join("; ") : "";
  }
}
