// Where the page is: in a frame of a notebook. Its Python answers, by messages through the parent.

const MOST_BYTES = 4 * 2 ** 20;  // of a file: notebooks drop the connection at messages of 10 MiB
const SLOW = 3000;  // milliseconds without an answer, after which the page says why
const BUSY = "Waiting for Python: it still computes, is busy with another cell, or is no longer there. In that case run this cell again.";

const host = (() => {
  const tell = (content) => parent.postMessage({ covey: content }, "*");
  const waiting = new Map();  // requests without an answer, by their number
  let count = 0;
  let last = null;  // what was kept or recalled, as text
  let again = () => {};
  let begin = () => {};
  const begun = new Promise((resolve) => { begin = resolve; });

  addEventListener("message", ({ source, data }) => {
    if (source !== parent || !data || !data.covey) return;
    const { kind, id, status, body, content, theme } = data.covey;
    if (kind === "answer" && waiting.has(id)) waiting.get(id)(new Response(body, { status }));
    if (kind === "theme") document.documentElement.dataset.theme = theme;
    if (kind === "recall" && JSON.stringify(content) !== last) {
      const first = last === null;
      last = JSON.stringify(content);
      if (first) begin();
      else again();
    }
  });

  async function request(path, { body, signal } = {}) {
    if (body instanceof Blob) {
      if (body.size > MOST_BYTES) {
        throw new Refused(`Expected a file of at most 4 MiB. Received ${number(body.size / 2 ** 20, 1)} MiB. ${host.elsewhere}`);
      }
      body = await body.arrayBuffer();
    }
    const id = ++count;
    const answer = new Promise((resolve, reject) => {
      waiting.set(id, resolve);
      if (signal) signal.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")));
    });
    const busy = setTimeout(() => complain(BUSY), SLOW);
    tell({ kind: "ask", id, path, body });
    try {
      return await answer;
    } finally {
      clearTimeout(busy);
      waiting.delete(id);
      if ($("message").textContent === BUSY) complain("");
    }
  }

  return {
    patience: Infinity,  // Python answers in turn: what was given up would be computed all the same
    lost: "Python does not answer.",
    elsewhere: "Read it in Python, and explore the table: model.explore(X).",
    request,

    async schema() {
      tell({ kind: "ready" });
      await begun;
      return FIRST.schema;
    },

    recall: () => JSON.parse(last),

    // the row of the table is told, too: what was observed in it is drawn beside it
    keep(shown) {
      if (!state.touched) return;  // a place that follows does not speak
      state.touched = false;
      const index = file.text === null && file.chosen >= 0 ? file.chosen : null;
      const content = { ...shown, index };
      const text = JSON.stringify(content);
      if (text === last) return;
      last = text;
      tell({ kind: "keep", content });
    },

    // the table that Python was called with, if any
    rows: FIRST.rows && { count: FIRST.rows, some: async (from) => (await ask("table", { body: String(from) })).json() },

    onRecall(callback) {
      again = callback;
    },

    start() {
      const height = () => tell({ kind: "height", height: Math.ceil(document.body.getBoundingClientRect().height) });
      new ResizeObserver(height).observe(document.body);
      height();
    },
  };
})();
