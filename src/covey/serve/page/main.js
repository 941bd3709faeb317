// From a change to the next picture: one request at a time, always for the latest state.

let pending = false;  // a frame is booked
let flying = null;  // the request that is under way
let dirty = false;  // something changed since it left

changed = (here = true) => {
  if (here) state.touched = true;
  dirty = true;
  if (!pending) {
    pending = true;
    let booked = true;
    const once = () => { if (booked) { booked = false; step(); } };
    requestAnimationFrame(once);
    setTimeout(once, 100);  // where nobody looks there are no frames
  }
};

function step() {
  pending = false;
  if (!dirty) return;
  if (flying) {
    if (performance.now() - flying.since > host.patience) flying.controller.abort();
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
      choosePair(...strongest(answer), false);
      state.chosen = true;
    }
    show();
    document.documentElement.dataset.milliseconds = Math.round(performance.now() - own.since);
  } catch (error) {
    if (error.name !== "AbortError") complain(error instanceof Refused ? error.message : host.lost);
  } finally {
    flying = null;
    if (dirty) changed(false);
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

// What is shown is kept where the page is, so that a link shows the same, and Python knows it.
function keep() {
  host.keep({ row: { ...state.row }, given: state.given, pair: state.pair, level: state.level });
}

function restore() {
  const content = host.recall() || {};
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

function buildButtons() {
  $("reset").addEventListener("click", () => {
    markRow(-1, {});
    state.given = {};
    showRow(state.schema.example);
    showGiven();
    changed();
  });
  $("save").addEventListener("click", () => {
    const content = { row: state.row, given: state.given, ...state.answer };
    download(`${state.schema.model.name || "covey"}-prediction.json`, "application/json", JSON.stringify(content, null, 2));
  });
  $("level").addEventListener("change", () => {
    state.level = +$("level").value;
    changed();
  });
}

// The table that came with the page, at the row that is shown.
async function showTable() {
  const { index } = host.recall();
  try {
    await openRows("", host.rows.count, host.rows.some, null, index || 0);
    recallRow();
  } catch (error) {
    complain(error.message);
  }
}

// Which row of the table that is, if it is one; what was observed in another is no longer shown.
async function recallRow() {
  const { index = null } = host.recall() || {};
  if (!host.rows || index === null || file.text !== null) return markRow(-1, {});
  try {
    if (!shownRow(index)) await showFile(index);
    // it may have changed meanwhile, here or elsewhere
    if (!state.touched && host.recall().index === index) markRow(index, shownRow(index).seen);
    changed(false);
  } catch (error) {
    complain(error.message);
  }
}

async function begin() {
  try {
    state.schema = await host.schema();
  } catch (error) {
    complain(`The model could not be read: ${error.message}`);
    return;
  }
  const { model, targets, features } = state.schema;
  const count = (many, what) => `${many} ${what}${many === 1 ? "" : "s"}`;
  const sentence = `${count(targets.length, "target")}, predicted together from ${count(features.length, "feature")}`;
  $("title").textContent = model.name || sentence;
  $("subtitle").textContent = model.name ? sentence : "";
  const family = model.family.replaceAll("_", " ");
  $("about").textContent = `Covey ${model.covey} \u00b7 ${family}, ${count(model.members, "network")} \u00b7 learned from ${model.rows.toLocaleString("en")} rows`;
  host.start();
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
  host.onRecall(() => {
    restore();
    state.touched = false;
    recallRow();
    if (state.pair) choosePair(...state.pair, false);
    changed(false);
  });
  if (host.rows) await showTable();
  addEventListener("resize", () => state.answer && show());
  changed(false);
}

begin();
