// Curves with bands, as SVG: nothing but what learning curves need.

const LEFT = 58, RIGHT = 26, TOP = 12, BOTTOM = 40; // pixels around the curves
export const COLOURS = ["#1f77b4", "#d9701a", "#2a9d4a", "#c93a3a", "#8a63c0", "#8c6d31", "#d05fb0", "#5f6b7a", "#16a3b5", "#9aa011"];

export function short(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  if (size >= 1e9) return trimmed(value / 1e9) + "G";
  if (size >= 1e6) return trimmed(value / 1e6) + "M";
  if (size >= 1e4) return trimmed(value / 1e3) + "k";
  return size !== 0 && size < 0.01 ? value.toExponential(1) : trimmed(value);
}

function trimmed(value) {
  return String(Number(value.toPrecision(4)));
}

export function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Round numbers between two others, about `count` of them.
export function ticks(low, high, count) {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= count);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high + 1e-9 * span; k++) found.push(k * step);
  return found;
}

// `groups`: {name, colour, at, mean, low, high, whole, runs: [{at, values}]}. Values may be null.
export function draw(place, groups, { log, xLabel, yLabel }) {
  const WIDTH = Math.max(place.clientWidth, 280);
  const HEIGHT = Math.min(Math.max(0.5 * WIDTH, 260), 460);
  const shown = (value) => value !== null && (!log || value > 0);
  const xs = groups.flatMap((group) => group.runs.flatMap((run) => run.at));
  const ys = groups.flatMap((group) => [
    ...group.mean, ...(group.low || []), ...(group.high || []),
    ...(group.low ? [] : group.runs.flatMap((run) => run.values)),
  ]).filter(shown);
  if (!xs.length || !ys.length) {
    place.replaceChildren();
    const none = document.createElement("p");
    none.className = "faint";
    none.textContent = log && xs.length ? "nothing here is above 0: no log axis" : "no run has logged this yet";
    place.append(none);
    return;
  }
  const scale = log ? Math.log10 : (value) => value;
  const [x0, x1] = [Math.min(...xs, 0), Math.max(...xs)];
  let [y0, y1] = [scale(Math.min(...ys)), scale(Math.max(...ys))];
  const room = (y1 - y0 || Math.abs(y1) || 1) * 0.05;
  y0 -= room;
  y1 += room;
  const X = (value) => LEFT + ((value - x0) / (x1 - x0 || 1)) * (WIDTH - LEFT - RIGHT);
  const Y = (value) => HEIGHT - BOTTOM - ((scale(value) - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM);
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  svg.append(element("title", {}, `${yLabel} over ${xLabel}: ${groups.map((g) => g.name).join("; ")}`));
  for (const value of ticks(x0, x1, WIDTH / 80)) {
    svg.append(element("line", { x1: X(value), x2: X(value), y1: TOP, y2: HEIGHT - BOTTOM, class: "axis" }));
    svg.append(element("text", { x: X(value), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, short(value)));
  }
  const marks = log ? powers(y0, y1) : ticks(y0, y1, 7);
  for (const value of marks) {
    const y = Y(value);
    svg.append(element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y, class: "axis" }));
    svg.append(element("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, short(value)));
  }
  svg.append(element("text", { x: WIDTH - RIGHT, y: HEIGHT - 4, "text-anchor": "end" }, xLabel));
  for (const group of groups) {
    if (group.low) svg.append(band(group, X, Y, shown));
    else if (group.runs.length > 1) {
      for (const run of group.runs) svg.append(line(run.at, run.values, X, Y, shown, group.colour, { opacity: 0.4 }));
    }
    const { at, mean, whole } = group;
    const part = (keep) => mean.map((value, i) => (keep(i) ? value : null));
    svg.append(line(at, part((i) => whole[i]), X, Y, shown, group.colour, { "stroke-width": 2.5 }));
    const beyond = (i) => !whole[i] || (i > 0 && !whole[i - 1]) || (i + 1 < whole.length && !whole[i + 1]);
    if (whole.includes(false)) {
      svg.append(line(at, part(beyond), X, Y, shown, group.colour, { "stroke-dasharray": "6 5", "stroke-width": 2 }));
    }
    for (const run of group.runs) {
      if (run.at.length === 1 && shown(run.values[0])) {
        svg.append(element("circle", { cx: X(run.at[0]), cy: Y(run.values[0]), r: 5, fill: group.colour }));
      }
    }
  }
  place.replaceChildren(svg);
  pointer(svg, groups, { X, Y, x0, x1, shown, WIDTH, HEIGHT });
}

function powers(y0, y1) {
  const found = [];
  for (let k = Math.floor(y0); k <= Math.ceil(y1); k++) {
    for (const factor of y1 - y0 > 3 ? [1] : [1, 2, 5]) {
      const value = factor * 10 ** k;
      if (Math.log10(value) >= y0 && Math.log10(value) <= y1) found.push(value);
    }
  }
  return found;
}

function line(at, values, X, Y, shown, colour, more) {
  let path = "";
  let open = false;
  values.forEach((value, i) => {
    if (shown(value)) {
      path += `${open ? "L" : "M"}${X(at[i]).toFixed(1)} ${Y(value).toFixed(1)}`;
      open = true;
    } else open = false;
  });
  return element("path", { d: path, fill: "none", stroke: colour, "stroke-linejoin": "round", ...more });
}

function band(group, X, Y, shown) {
  const places = group.at.map((_, i) => i).filter((i) => shown(group.low[i]) && shown(group.high[i]));
  const above = places.map((i) => `${X(group.at[i]).toFixed(1)} ${Y(group.high[i]).toFixed(1)}`);
  const below = places.map((i) => `${X(group.at[i]).toFixed(1)} ${Y(group.low[i]).toFixed(1)}`).reverse();
  const path = places.length ? `M${[...above, ...below].join("L")}Z` : "";
  return element("path", { d: path, fill: group.colour, opacity: 0.2 });
}

// What each group has reached where the pointer is.
function pointer(svg, groups, { X, Y, x0, x1, shown, WIDTH, HEIGHT }) {
  const rule = element("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "axis", visibility: "hidden" });
  const says = element("g", { visibility: "hidden" });
  svg.append(rule, says);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * WIDTH;
    const at = x0 + ((place - LEFT) / (WIDTH - LEFT - RIGHT)) * (x1 - x0);
    if (at < x0 || at > x1) return hide();
    rule.setAttribute("x1", place);
    rule.setAttribute("x2", place);
    says.replaceChildren();
    const left = place > WIDTH / 2;
    const lines = groups.map((group) => {
      const i = group.at.reduce((best, x, k) => (Math.abs(x - at) < Math.abs(group.at[best] - at) ? k : best), 0);
      return { value: group.mean[i], colour: group.colour, there: at >= group.at[0] && at <= group.at.at(-1) };
    }).filter(({ value, there }) => there && shown(value));
    says.append(element("text", { x: place + (left ? -8 : 8), y: TOP + 14, "text-anchor": left ? "end" : "start" }, short(at)));
    lines.forEach(({ value, colour }, k) => {
      says.append(element("circle", { cx: place, cy: Y(value), r: 4, fill: colour }));
      says.append(element("text", {
        x: place + (left ? -8 : 8), y: TOP + 32 + 17 * k, "text-anchor": left ? "end" : "start", style: "",
        fill: colour,
      }, short(value)));
    });
    for (const text of says.querySelectorAll("text[fill]")) text.style.fill = text.getAttribute("fill");
    rule.setAttribute("visibility", "visible");
    says.setAttribute("visibility", "visible");
  });
  const hide = () => {
    rule.setAttribute("visibility", "hidden");
    says.setAttribute("visibility", "hidden");
  };
  svg.addEventListener("pointerleave", hide);
}
