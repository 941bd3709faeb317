// Means with intervals, one line for each target; and the matrix of correlations.

const lines = new Map();
const WIDE = 400;

function buildTargets() {
  const list = $("target-list");
  state.schema.targets.forEach((target, index) => {
    const id = `given-${index}`;
    const mean = element("div", { class: "mean", text: "\u2013" });
    const range = element("div", { class: "range" });
    const field = element("input", { type: "number", step: "any", id, placeholder: "observed", "aria-label": `Observed ${target.name}` });
    const picture = shape("svg", { viewBox: `0 0 ${WIDE} 30`, preserveAspectRatio: "none", "aria-hidden": "true" });
    const box = element("div", { class: "target", role: "group", "aria-label": target.name }, element("div", { class: "who", text: target.name }), element("div", {}, mean, range), picture, field);
    field.addEventListener("input", () => {
      if (field.value.trim() === "" || !Number.isFinite(+field.value)) delete state.given[target.name];
      else state.given[target.name] = +field.value;
      changed();
    });
    lines.set(target.name, { target, box, mean, range, field, picture });
    list.append(box);
  });
}

function showGiven() {
  for (const [name, line] of lines) line.field.value = state.given[name] ?? "";
}

function showTargets() {
  const row = state.answer.rows[0];
  const known = new Set(row.observed || []);
  $("strip").replaceChildren(...state.answer.targets.map((name) => element("span", {}, `${name} `, element("b", { text: estimate(row, name) }))));
  for (const [name, line] of lines) {
    const mean = row.mean[name];
    const std = row.std[name];
    const given = known.has(name);
    const [low, high] = row.interval[name];
    line.box.classList.toggle("given", given);
    line.mean.replaceChildren(estimate(row, name), given ? "" : element("small", { text: ` \u00b1 ${number(std, std)}` }));
    line.range.textContent = given ? "observed" : `${number(low, std)} to ${number(high, std)}`;
    drawBar(line, mean, low, high, given);
  }
}

function drawBar({ target, picture, box }, mean, low, high, given) {
  const width = Math.max(picture.clientWidth, 60);
  picture.setAttribute("viewBox", `0 0 ${width} 30`);
  const ends = [target.low ?? low, target.high ?? high, mean].filter(Number.isFinite);
  let [from, to] = [Math.min(...ends), Math.max(...ends)];
  if (!(to > from)) [from, to] = [from - 1, to + 1];
  const scale = linear(from, to, 8, width - 8);
  const at = (value) => Math.max(2, Math.min(width - 2, scale(value)));
  const parts = [shape("line", { class: "track", x1: 4, x2: width - 4, y1: 11, y2: 11 })];
  const infinite = !Number.isFinite(low) || low === null || !Number.isFinite(high) || high === null;
  if (!given) {
    const a = infinite ? 2 : at(low);
    const b = infinite ? width - 2 : Math.max(at(high), a + 0.5);
    parts.push(shape("line", { class: "band", x1: a, x2: b, y1: 11, y2: 11 }));
  }
  const seen = state.seen[target.name];
  if (Number.isFinite(seen)) parts.push(shape("line", { class: "seen-mark", x1: at(seen), x2: at(seen), y1: 2, y2: 20 }));
  parts.push(shape("circle", { class: "dot", cx: at(mean), cy: 11, r: 6 }));
  parts.push(shape("text", { x: 4, y: 29 }, number(from, (to - from) / 20)));
  parts.push(shape("text", { x: width - 4, y: 29, "text-anchor": "end" }, number(to, (to - from) / 20)));
  picture.replaceChildren(...parts);
  box.setAttribute("aria-label", target.name);
}

const cells = [];

function buildMatrix() {
  const names = state.schema.targets.map((target) => target.name);
  const head = element("tr", {}, element("td"), ...names.map((name) => element("th", { scope: "col", text: name, title: name })));
  const body = names.map((first, i) => {
    const line = element("tr", {}, element("th", { scope: "row", text: first, title: first }));
    names.forEach((second, j) => {
      if (i === j) return line.append(element("td", {}, element("div", { class: "self", text: "1" })));
      const button = element("button", { type: "button", "aria-pressed": "false", onclick: () => choosePair(second, first) });
      cells.push({ button, i, j, first, second });
      return line.append(element("td", {}, button));
    });
    return line;
  });
  $("correlations").replaceChildren(element("table", { class: "correlations" }, element("thead", {}, head), element("tbody", {}, ...body)));
}

function showMatrix() {
  const row = state.answer.rows[0];
  const known = new Set(row.observed || []);
  for (const { button, i, j, first, second } of cells) {
    const value = row.correlation[i][j];
    const none = known.has(first) || known.has(second);
    const shown = none ? "\u2013" : value.toFixed(2).replace(/^-(?=0\.00$)/, "").replace("-", "\u2212");
    const share = none ? 0 : Math.round(Math.min(1, Math.abs(value)) * 75);
    button.textContent = shown;
    button.style.background = `color-mix(in srgb, var(${value < 0 ? "--orange" : "--blue"}) ${share}%, var(--panel))`;
    button.style.color = share > 52 ? "var(--panel)" : "";
    button.setAttribute("aria-label", `${first} and ${second}: ${none ? "observed, no correlation" : shown}. Show this pair`);
    const chosen = state.pair && state.pair.includes(first) && state.pair.includes(second);
    button.setAttribute("aria-pressed", String(Boolean(chosen)));
  }
}

function choosePair(across, up, here = true) {
  state.pair = [across, up];
  $("across").value = across;
  $("up").value = up;
  changed(here);
}

function buildPair() {
  const names = state.schema.targets.map((target) => target.name);
  for (const [id, place] of [["across", 0], ["up", 1]]) {
    $(id).replaceChildren(...names.map((name) => element("option", { value: name, text: name })));
    $(id).value = state.pair[place];
    $(id).addEventListener("change", () => {
      const pair = [...state.pair];
      if ($(id).value === pair[1 - place]) pair.reverse();
      else pair[place] = $(id).value;
      choosePair(...pair);
    });
  }
}
