// From a change to the next picture: one request at a time, always for the latest state.

let pending = false;  // a frame is booked
let flying = null;  // the request that is under way
let dirty = false;  // something changed since it left
const PATIENCE = 400;  // milliseconds after which an older request is given up for a newer one

changed = () => {
  dirty = true;
  if (!pending) {
    pending = true;
    requestAnimationFrame(step);
  }
};

function step() {
  pending = false;
  if (!dirty) return;
  if (flying) {
    if (performance.now() - flying.since > PATIENCE) flying.controller.abort();
    return;  // it asks again when it is back
  }
  dirty = false;
  fetchAnswer();
}

async function fetchAnswer() {
  const own = { controller: new AbortController(), since: performance.now() };
  flying = own;
  const { row, given, pair, level } = state;
  const content = { row, level, levels: level > 0.5 ? [0.5, level] : [level] };
  if (Object.keys(given).length) content.given = given;
  if (pair) content.pair = pair;
  try {
    const answer = await (await post("explore", content, own.controller.signal)).json();
    state.answer = answer;
    complain("");
    if (state.pair && !state.chosen) {
      choosePair(...strongest(answer));
      state.chosen = true;
    }
    show();
    document.documentElement.dataset.milliseconds = Math.round(performance.now() - own.since);
  } catch (error) {
    if (error.name !== "AbortError") complain(error instanceof Refused ? error.message : "The server does not answer.");
  } finally {
    flying = null;
    if (dirty) changed();
  }
}

// The two targets that move together most: the pair that is shown first.
function strongest({ targets, rows: [{ correlation }] }) {
  let found = [0, 1];
  for (let i = 0; i < targets.length; i++) {
    for (let j = i + 1; j < targets.length; j++) {
      if (Math.abs(correlation[i][j]) > Math.abs(correlation[found[0]][found[1]])) found = [i, j];
    }
  }
  return found.map((place) => targets[place]);
}

let saying = 0;

function show() {
  showTargets();
  showNotes(state.answer.notes);
  if (state.pair) {
    showMatrix();
    showPlane();
    $("outer-level").textContent = `${Math.round(state.level * 100)}%`;
    $("inner-entry").hidden = state.level <= 0.5;
  }
  clearTimeout(saying);
  saying = setTimeout(() => {
    const row = state.answer.rows[0];
    $("said").textContent = state.answer.targets.slice(0, 8).map((name) => `${name} ${estimate(row, name)}`).join(", ");
    keep();
  }, 500);
}

// The address says what is shown, so that a link shows the same.
function keep() {
  const example = state.schema.example;
  const row = Object.fromEntries(Object.entries(state.row).filter(([name, value]) => value !== example[name]));
  const content = { row, given: state.given, pair: state.pair, level: state.level };
  const text = JSON.stringify(content);
  history.replaceState(null, "", `#${encodeURIComponent(text)}`);
}

function restore() {
  let content = {};
  try {
    content = JSON.parse(decodeURIComponent(location.hash.slice(1))) || {};
  } catch (ignored) { /* an address of somebody else: the typical row */ }
  const names = state.schema.targets.map((target) => target.name);
  const plain = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});
  const row = { ...state.schema.example };
  for (const [name, value] of Object.entries(plain(content.row))) {
    if (name in row && (value === null || ["number", "string", "boolean"].includes(typeof value))) row[name] = value;
  }
  state.given = Object.fromEntries(Object.entries(plain(content.given)).filter(([name, value]) => names.includes(name) && Number.isFinite(value)));
  const pair = Array.isArray(content.pair) ? content.pair.filter((name) => names.includes(name)) : [];
  state.chosen = pair.length === 2 && pair[0] !== pair[1];
  state.pair = names.length < 2 ? null : state.chosen ? pair : names.slice(0, 2);
  const levels = [...$("level").options].map((option) => option.value);
  state.level = levels.includes(String(content.level)) ? content.level : 0.9;
  $("level").value = String(state.level);
  showRow(row);
  showGiven();
}

const THEMES = ["auto", "light", "dark"];

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = theme[0].toUpperCase() + theme.slice(1);
  $("theme").setAttribute("aria-label", `Colours: ${theme}`);
  try {
    localStorage.setItem("covey-theme", theme);
  } catch (ignored) { /* not kept, then */ }
}

function buildButtons() {
  let theme = "auto";
  try {
    theme = localStorage.getItem("covey-theme") || "auto";
  } catch (ignored) { /* as the system has it */ }
  setTheme(THEMES.includes(theme) ? theme : "auto");
  $("theme").addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]);
  });
  $("reset").addEventListener("click", () => {
    state.seen = {};
    state.given = {};
    file.chosen = -1;
    showRow(state.schema.example);
    showGiven();
    changed();
  });
  $("link").addEventListener("click", async () => {
    keep();
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(location.href);
    } catch (ignored) {
      said = "It is in the address bar";
    }
    $("link").textContent = said;
    setTimeout(() => { $("link").textContent = "Copy link"; }, 1500);
  });
  $("save").addEventListener("click", () => {
    const content = { row: state.row, given: state.given, ...state.answer };
    download(`${state.schema.model.name}-prediction.json`, "application/json", JSON.stringify(content, null, 2));
  });
  $("level").addEventListener("change", () => {
    state.level = +$("level").value;
    changed();
  });
}

async function begin() {
  try {
    state.schema = await (await ask("schema")).json();
  } catch (error) {
    complain(`The model could not be read: ${error.message}`);
    return;
  }
  const { model, targets, features } = state.schema;
  document.title = `${model.name} \u00b7 Covey`;
  $("title").textContent = model.name;
  const count = (many, what) => `${many} ${what}${many === 1 ? "" : "s"}`;
  $("subtitle").textContent = `${count(targets.length, "target")}, predicted together from ${count(features.length, "feature")}`;
  const family = model.family.replaceAll("_", " ");
  $("about").textContent = `Covey ${model.covey} \u00b7 ${family}, ${count(model.members, "network")} \u00b7 learned from ${model.rows.toLocaleString("en")} rows`;
  buildButtons();
  buildFeatures();
  buildTargets();
  restore();
  if (state.pair) {
    buildPair();
    buildMatrix();
  } else {
    $("joint").hidden = $("matrix").hidden = true;
    document.querySelector("main").classList.add("single");
  }
  buildFiles();
  addEventListener("hashchange", () => {
    restore();
    if (state.pair) choosePair(...state.pair);
    changed();
  });
  addEventListener("resize", () => state.answer && show());
  changed();
}

begin();
