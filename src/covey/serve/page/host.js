// Where the page is: in a browser, beside its server. The address keeps what it shows.

const host = {
  patience: 400,  // milliseconds after which an older request is given up for a newer one
  lost: "The server does not answer.",
  elsewhere: "Write it as CSV, or score it by covey predict.",

  request: (path, options) => fetch(path, options),

  schema: async () => (await ask("schema")).json(),

  recall() {
    try {
      return JSON.parse(decodeURIComponent(location.hash.slice(1)));
    } catch (ignored) {
      return null;  // an address of somebody else: the typical row
    }
  },

  keep({ row, ...others }) {
    const { example } = state.schema;  // an address has what differs from it
    const unlike = Object.fromEntries(Object.entries(row).filter(([name, value]) => value !== example[name]));
    history.replaceState(null, "", `#${encodeURIComponent(JSON.stringify({ row: unlike, ...others }))}`);
  },

  onRecall(again) {
    addEventListener("hashchange", again);
  },

  start() {
    document.title = `${state.schema.model.name} \u00b7 Covey`;
    buildTheme();
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
  },
};

const THEMES = ["auto", "light", "dark"];

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = theme[0].toUpperCase() + theme.slice(1);
  $("theme").setAttribute("aria-label", `Colours: ${theme}`);
  try {
    localStorage.setItem("covey-theme", theme);
  } catch (ignored) { /* not kept, then */ }
}

function buildTheme() {
  let theme = "auto";
  try {
    theme = localStorage.getItem("covey-theme") || "auto";
  } catch (ignored) { /* as the system has it */ }
  setTheme(THEMES.includes(theme) ? theme : "auto");
  $("theme").addEventListener("click", () => {
    setTheme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length]);
  });
}
