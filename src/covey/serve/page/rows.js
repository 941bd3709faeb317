// The rows of a file: a page of them with their predictions; one of them on the sliders.

const file = { name: "", text: null, count: 0, some: null, at: 0, shown: [], chosen: -1 };
const PER_PAGE = 10;

function buildFiles() {
  $("file").addEventListener("change", () => $("file").files[0] && openFile($("file").files[0]));
  $("before").addEventListener("click", () => turn(-1));
  $("after").addEventListener("click", () => turn(1));
  $("all").addEventListener("click", saveAll);
  let depth = 0;
  const holds = (event) => [...event.dataTransfer.types].includes("Files");
  addEventListener("dragenter", (event) => holds(event) && document.body.classList.toggle("over", ++depth > 0));
  addEventListener("dragleave", (event) => holds(event) && document.body.classList.toggle("over", --depth > 0));
  addEventListener("dragover", (event) => holds(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("over");
    if (event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
  });
}

const OTHER_FILES = /\.(xlsx?|ods|parquet|feather|arrow|orc|pkl|zip|gz|bz2|xz|zst|json|db|sqlite)$/i;

async function openFile(chosen) {
  try {
    if (OTHER_FILES.test(chosen.name)) throw new Refused(`Expected a file of text, such as CSV. Received ${chosen.name}. ${host.elsewhere}`);
    const content = await (await ask("rows", { method: "POST", headers: { "content-type": "text/csv" }, body: chosen })).json();
    if (content.lacking.length) throw new Refused(`${chosen.name} lacks features of the model: ${content.lacking.join(", ")}.`);
    if (!content.rows.length) throw new Refused(`${chosen.name} has no rows.`);
    const some = async (from) => ({ rows: content.rows.slice(from, from + PER_PAGE), observed: content.observed.slice(from, from + PER_PAGE) });
    await openRows(chosen.name, content.rows.length, some, chosen);
  } catch (error) {
    complain(error.message);
  }
}

// Show rows, wherever they are: `some` has the rows of a page, by its first row.
async function openRows(name, count, some, text, index = 0) {
  Object.assign(file, { name, text, count, some, at: 0, shown: [] });
  markRow(-1, {});
  complain("");
  $("file-name").textContent = `${name ? `${name}, ` : ""}${count.toLocaleString("en")} ${count === 1 ? "row" : "rows"}`;
  $("table").hidden = false;
  $("table").querySelector("tbody").replaceChildren();  // no row of another table can be chosen
  $("files-title").textContent = text === null ? "Rows" : "Rows of a file";
  $("all").hidden = text === null;
  await showFile(index);
}

async function turn(by) {
  const last = file.count - 1;
  try {
    await showFile(Math.max(0, Math.min(last, file.at + by * PER_PAGE)));
    complain("");
  } catch (error) {
    complain(error.message);
  }
}

// What of a row is on the page of the table that is shown.
const shownRow = (index) => file.shown[index - file.at];

// Show the page of the table that a row is on.
async function showFile(index) {
  const from = index - (index % PER_PAGE);
  file.wanted = from;
  const { rows: some, observed, labels } = await file.some(from);
  const answer = await (await post("predict", { rows: some, outputs: ["mean", "std"] })).json();
  if (from !== file.wanted) return;
  file.at = from;
  file.shown = some.map((row, place) => ({ row, seen: observed[place] || {} }));
  const names = answer.targets;
  $("table").querySelector("thead").replaceChildren(element("tr", {}, element("th", { scope: "col", text: "row" }), ...names.map((name) => element("th", { scope: "col", text: name }))));
  const body = answer.rows.map((row, place) => {
    const index = from + place;
    const label = labels ? labels[place] : String(index + 1);
    const open = element("button", { type: "button", text: label, "aria-label": `Show row ${label}`, onclick: () => chooseRow(index) });
    const line = element("tr", { "aria-current": String(index === file.chosen), "data-index": index }, element("td", {}, open));
    for (const name of names) {
      const cell = element("td", {}, number(row.mean[name], row.std[name]), element("small", { text: ` \u00b1 ${number(row.std[name], row.std[name])}` }));
      const seen = file.shown[place].seen[name];
      if (Number.isFinite(seen)) cell.append(element("small", { text: `  (${number(seen, row.std[name])})`, title: "observed" }));
      line.append(cell);
    }
    return line;
  });
  $("table").querySelector("tbody").replaceChildren(...body);
  $("where").textContent = `rows ${from + 1} to ${from + some.length} of ${file.count.toLocaleString("en")}`;
  $("before").disabled = from === 0;
  $("after").disabled = from + PER_PAGE >= file.count;
}

function chooseRow(index) {
  const { row, seen } = shownRow(index);
  showRow(row);
  markRow(index, seen);
  changed();
}

// The row of the table that the sliders show, -1 for none, and what was observed in it.
function markRow(index, seen) {
  file.chosen = index;
  state.seen = seen;
  for (const line of $("table").querySelectorAll("tbody tr")) {
    line.setAttribute("aria-current", String(line.dataset.index === String(index)));
  }
}

async function saveAll() {
  $("all").disabled = true;
  try {
    const level = Math.round(state.level * 100);
    const answer = await ask(`predict?columns=mean,std,interval${level}`, { method: "POST", headers: { "content-type": "text/csv" }, body: file.text });
    complain("");
    download(file.name.replace(/\.\w+$/, "") + "-predictions.csv", "text/csv", await answer.text());
  } catch (error) {
    complain(error.message);
  } finally {
    $("all").disabled = false;
  }
}
