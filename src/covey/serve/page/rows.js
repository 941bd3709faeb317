// The rows of a file: a page of them with their predictions; one of them on the sliders.

const file = { name: "", text: null, rows: [], seen: [], at: 0, chosen: -1 };
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

async function openFile(chosen) {
  try {
    const content = await (await ask("rows", { method: "POST", headers: { "content-type": "text/csv" }, body: chosen })).json();
    if (content.lacking.length) throw new Refused(`${chosen.name} lacks features of the model: ${content.lacking.join(", ")}.`);
    if (!content.rows.length) throw new Refused(`${chosen.name} has no rows.`);
    Object.assign(file, { name: chosen.name, text: chosen, rows: content.rows, seen: content.observed, at: 0, chosen: -1 });
    complain("");
    $("file-name").textContent = `${chosen.name}, ${content.rows.length.toLocaleString("en")} rows`;
    $("table").hidden = false;
    await showFile();
  } catch (error) {
    complain(error.message);
  }
}

function turn(by) {
  const last = Math.floor((file.rows.length - 1) / PER_PAGE) * PER_PAGE;
  file.at = Math.max(0, Math.min(last, file.at + by * PER_PAGE));
  showFile().catch((error) => complain(error.message));
}

async function showFile() {
  const some = file.rows.slice(file.at, file.at + PER_PAGE);
  const from = file.at;
  const answer = await (await post("predict", { rows: some, outputs: ["mean", "std"] })).json();
  if (from !== file.at) return;
  const names = answer.targets;
  $("table").querySelector("thead").replaceChildren(element("tr", {}, element("th", { scope: "col", text: "row" }), ...names.map((name) => element("th", { scope: "col", text: name }))));
  const body = answer.rows.map((row, place) => {
    const index = from + place;
    const open = element("button", { type: "button", text: String(index + 1), "aria-label": `Show row ${index + 1}`, onclick: () => chooseRow(index) });
    const line = element("tr", { "aria-current": String(index === file.chosen) }, element("td", {}, open));
    for (const name of names) {
      const cell = element("td", {}, number(row.mean[name], row.std[name]), element("small", { text: ` \u00b1 ${number(row.std[name], row.std[name])}` }));
      const seen = file.seen[index]?.[name];
      if (Number.isFinite(seen)) cell.append(element("small", { text: `  (${number(seen, row.std[name])})`, title: "observed" }));
      line.append(cell);
    }
    return line;
  });
  $("table").querySelector("tbody").replaceChildren(...body);
  $("where").textContent = `rows ${from + 1} to ${from + some.length} of ${file.rows.length.toLocaleString("en")}`;
  $("before").disabled = from === 0;
  $("after").disabled = from + PER_PAGE >= file.rows.length;
}

function chooseRow(index) {
  file.chosen = index;
  state.seen = file.seen[index] || {};
  showRow(file.rows[index]);
  for (const line of $("table").querySelectorAll("tbody tr")) {
    line.setAttribute("aria-current", String(line.querySelector("button").textContent === String(index + 1)));
  }
  changed();
}

async function saveAll() {
  $("all").disabled = true;
  try {
    const level = Math.round(state.level * 100);
    const answer = await ask(`predict?columns=mean,std,interval${level}`, { method: "POST", headers: { "content-type": "text/csv" }, body: file.text });
    download(file.name.replace(/\.\w+$/, "") + "-predictions.csv", "text/csv", await answer.text());
  } catch (error) {
    complain(error.message);
  } finally {
    $("all").disabled = false;
  }
}
