// A notebook's output with the page in a frame: what the page asks goes to Python, and the answers back.

// Whether what is behind an element is dark.
function darkBehind(element) {
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  for (let each = element; each; each = each.parentNode || each.host) {
    if (!(each instanceof Element)) continue;  // a shadow root: its host is next
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = getComputedStyle(each).backgroundColor;  // in whatever colour space
    pixel.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
    if (alpha > 127) return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
  }
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

function render({ model, el }) {
  const view = Math.random().toString(36).slice(2);  // a model may be shown in several places
  const frame = document.createElement("iframe");
  frame.title = "Joint predictions of a row";
  frame.setAttribute("sandbox", "allow-scripts allow-downloads");
  frame.style.cssText = "display: block; width: 100%; height: 700px; border: 0; border-radius: 8px";
  const tell = (content) => frame.contentWindow && frame.contentWindow.postMessage({ covey: content }, "*");
  const theme = () => (darkBehind(el) ? "dark" : "light");

  const heard = ({ source, data }) => {
    if (source !== frame.contentWindow || !data || !data.covey) return;
    const { kind, id, path, body, content, height } = data.covey;
    if (kind === "ready") recalled();
    if (kind === "ask") {
      const text = body instanceof ArrayBuffer ? undefined : body;
      model.send({ view, id, path, text }, undefined, text === undefined && body ? [body] : []);
    }
    if (kind === "keep") {
      model.set("state", content);
      model.save_changes();
    }
    if (kind === "height") frame.style.height = `${height}px`;
  };
  const answered = (content) => content.view === view && tell({ kind: "answer", ...content });
  const recalled = () => tell({ kind: "recall", content: model.get("state") });
  const recoloured = () => tell({ kind: "theme", theme: theme() });

  addEventListener("message", heard);
  model.on("msg:custom", answered);
  model.on("change:state", recalled);
  const watcher = new MutationObserver(recoloured);
  for (const each of [document.documentElement, document.body]) watcher.observe(each, { attributes: true });
  el.append(frame);
  frame.srcdoc = model.get("_page").replace("<html", `<html data-theme="${theme()}"`);
  return () => {
    removeEventListener("message", heard);
    model.off("msg:custom", answered);
    model.off("change:state", recalled);
    watcher.disconnect();
  };
}

export default { render };
