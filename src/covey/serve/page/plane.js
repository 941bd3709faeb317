// Regions of two targets in their plane.

const MARGIN = { right: 16, top: 14, bottom: 48 };
const view = {};  // of each target, the part of its axis that is shown

// The part of an axis to show: all that training saw, or nearer where the region is small. It moves
// in steps, so that the region is seen to move within it.
function window_(target, low, high) {
  const from = target.low ?? low;
  const to = target.high ?? high;
  const extent = Math.max(high - low, 1e-12 * Math.max(Math.abs(low), Math.abs(high)), 1e-300);
  const whole = Math.max(to - from, extent);
  const held = view[target.name];
  if (held && low >= held[0] && high <= held[1] && extent > 0.14 * (held[1] - held[0])) return held;
  let found;
  if (extent > 0.22 * whole) {
    const pad = 0.05 * whole;
    found = [Math.min(from, low) - pad, Math.max(to, high) + pad];
  } else {
    const width = 2.8 * extent;
    const middle = Math.round((low + high) / 2 / (width / 4)) * (width / 4);
    found = [middle - width / 2, middle + width / 2];
  }
  view[target.name] = found;
  return found;
}

function extent(place, name) {
  const row = state.answer.rows[0];
  const values = state.answer.contours.flatMap((contour) => contour.lines.flat().map((point) => point[place]));
  const mean = row.mean[name];
  if (!values.length) {
    const [low, high] = row.interval[name].map((end) => (Number.isFinite(end) ? end : mean));
    values.push(low ?? mean, high ?? mean);
  }
  values.push(mean);
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (high > low) return [low, high];
  const target = lines.get(name).target;
  const width = ((target.high ?? mean) - (target.low ?? mean)) * 0.25 || Math.abs(mean) || 1;
  return [mean - width / 2, mean + width / 2];
}

function showPlane() {
  const pair = state.answer.pair;
  if (!pair) return;
  const row = state.answer.rows[0];
  const { right, top, bottom } = MARGIN;
  const plane = $("plane");
  const width = Math.max(plane.clientWidth, 260);  // in its own pixels, so that text stays legible
  const height = Math.round(Math.min(Math.max(0.68 * width, 250), 460));
  const windows = pair.map((name, place) => window_(lines.get(name).target, ...extent(place, name)));
  const up = ticks(...windows[1], 5);
  const words = up.at.map((at) => number(at, up.step * 9.99));
  const left = Math.max(64, 32 + 6.2 * Math.max(...words.map((word) => word.length)));  // room for the longest
  const x = linear(...windows[0], left, width - right);
  const y = linear(...windows[1], height - bottom, top);
  plane.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const parts = [];
  const across = ticks(...windows[0], width / 95);
  for (const at of across.at) {
    parts.push(shape("line", { class: "grid", x1: x(at), x2: x(at), y1: top, y2: height - bottom }));
    parts.push(shape("text", { x: x(at), y: height - bottom + 17, "text-anchor": "middle" }, number(at, across.step * 9.99)));
  }
  for (const [place, at] of up.at.entries()) {
    parts.push(shape("line", { class: "grid", x1: left, x2: width - right, y1: y(at), y2: y(at) }));
    parts.push(shape("text", { x: left - 8, y: y(at) + 4, "text-anchor": "end" }, words[place]));
  }
  parts.push(shape("rect", { class: "frame", x: left, y: top, width: width - left - right, height: height - top - bottom }));
  const inside = shape("clipPath", { id: "inside" });
  inside.append(shape("rect", { x: left, y: top, width: width - left - right, height: height - top - bottom }));
  const drawn = shape("g", { "clip-path": "url(#inside)" });
  for (const contour of [...state.answer.contours].sort((a, b) => b.level - a.level)) {
    const closed = contour.lines.length && contour.lines[0].length > 2;
    const path = contour.lines
      .map((line) => "M" + line.map(([a, b]) => `${x(a).toFixed(2)},${y(b).toFixed(2)}`).join("L") + (closed ? "Z" : ""))
      .join("");
    if (path) drawn.append(shape("path", { class: closed ? "region" : "segment", d: path, "data-level": contour.level }));
  }
  const known = new Set(row.observed || []);
  if (known.has(pair[0])) drawn.append(shape("line", { class: "cross", x1: x(row.mean[pair[0]]), x2: x(row.mean[pair[0]]), y1: top, y2: height - bottom }));
  if (known.has(pair[1])) drawn.append(shape("line", { class: "cross", y1: y(row.mean[pair[1]]), y2: y(row.mean[pair[1]]), x1: left, x2: width - right }));
  drawn.append(shape("circle", { class: "dot", cx: x(row.mean[pair[0]]), cy: y(row.mean[pair[1]]), r: 5 }));
  const seen = pair.map((name) => state.seen[name]);
  const both = seen.every(Number.isFinite);
  if (both) {
    const [a, b] = [x(seen[0]), y(seen[1])];
    drawn.append(shape("path", { class: "dot given-dot", d: `M${a},${b - 7}L${a + 7},${b}L${a},${b + 7}L${a - 7},${b}Z` }));
  }
  $("seen-entry").hidden = !both;
  parts.push(inside, drawn);
  parts.push(shape("text", { class: "title", x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }, pair[0]));
  const middle = (top + height - bottom) / 2;
  parts.push(shape("text", { class: "title", x: 14, y: middle, "text-anchor": "middle", transform: `rotate(-90 14 ${middle})` }, pair[1]));
  plane.replaceChildren(...parts);
  const i = lines_index(pair[0]);
  const j = lines_index(pair[1]);
  const together = known.has(pair[0]) || known.has(pair[1]) ? "" : `, correlation ${row.correlation[i][j].toFixed(2)}`;
  const each = pair.map((name) => `${name} ${estimate(row, name)}`).join(", ");
  plane.setAttribute("aria-label", `Regions of two targets around ${each}${together}`);
}

const lines_index = (name) => state.answer.targets.indexOf(name);
