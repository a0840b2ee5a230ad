import { COLOURS, draw, short } from "./chart.js";
import { ask } from "./server.js";

const EVERY = 2000; // milliseconds between two looks
const LABELS = { steps: "environment steps", seconds: "seconds", cpu: "seconds of a processor" };
const at = (id) => document.getElementById(id);
const chosen = new Set();
const hidden = new Set();
const colours = new Map();
let videoShown = "";
let curves = null;

const query = (path, parameters) => ask(`${path}?${new URLSearchParams(parameters)}`);

function made(name, text, attributes = {}) {
  const element = document.createElement(name);
  if (text !== undefined && text !== null) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function options(select, names, wanted) {
  if (select.options.length === names.length && names.every((name, i) => select.options[i].value === name)) return;
  const before = select.value || wanted;
  select.replaceChildren(...names.map((name) => new Option(LABELS[name] || name, name)));
  select.value = names.includes(before) ? before : names[0];
}

function showRuns(runs) {
  const body = at("runs").tBodies[0];
  const focused = document.activeElement?.dataset?.run;
  body.replaceChildren(...runs.map((run) => {
    const row = made("tr");
    const box = made("input", null, { type: "checkbox", "aria-label": `choose ${run.name}` });
    box.dataset.run = run.name;
    box.checked = chosen.has(run.name);
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(run.name);
      else chosen.delete(run.name);
      look();
    });
    const first = made("td");
    first.append(box);
    const steps = made("td");
    steps.append(made("span", `${short(run.steps)} of ${short(run.total)}`));
    steps.append(made("progress", null, { value: run.steps, max: run.total, "aria-label": "share of the steps" }));
    row.append(first, made("td", run.name), made("td", run.status, { class: `status-${run.status}` }), steps);
    const figures = [run.latest["episode/return"], run.latest["eval/return"] ?? run.latest["strength/elo"], run.latest["speed/steps_per_second"]];
    for (const figure of figures) row.append(made("td", short(figure), { class: "number" }));
    return row;
  }));
  if (focused) body.querySelector(`input[data-run="${CSS.escape(focused)}"]`)?.focus();
  const count = (status) => runs.filter((run) => run.status === status).length;
  at("summary").textContent = `${runs.length} run${runs.length === 1 ? "" : "s"}, ${count("training")} training`;
}

function showEvaluations(runs) {
  const rows = runs.flatMap((run) => run.evaluations.map((one) => [run.name, one]));
  at("evaluations-card").hidden = !rows.length;
  at("evaluations").tBodies[0].replaceChildren(...rows.map(([name, one]) => {
    const row = made("tr");
    row.append(made("td", name), made("td", one.checkpoint));
    const between = one.ci ? `${short(one.ci[0])} to ${short(one.ci[1])}` : "";
    const success = one.success === undefined ? "" : `${(100 * one.success).toFixed(1)} %`;
    for (const figure of [short(one.steps), short(one.mean), between, one.episodes ?? "", success]) {
      row.append(made("td", figure, { class: "number" }));
    }
    return row;
  }));
}

function showVideo(runs) {
  const those = runs.filter((run) => run.video && (!chosen.size || chosen.has(run.name)));
  const newest = those.sort((a, b) => b.video.changed - a.video.changed)[0];
  if (!newest || videoShown === `${newest.name} ${newest.video.changed}`) return;
  videoShown = `${newest.name} ${newest.video.changed}`;
  const source = `/video?${new URLSearchParams({ run: newest.name, changed: newest.video.changed })}`;
  const gif = newest.video.file.endsWith(".gif");
  const shown = gif ? made("img", null, { src: source, class: "picture", alt: `${newest.name} plays` })
    : made("video", null, { src: source, controls: "", loop: "", muted: "", playsinline: "", "aria-label": `${newest.name} plays` });
  if (!gif) {
    shown.muted = true;
    shown.autoplay = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  }
  at("video").replaceChildren(shown, made("p", `${newest.name}, ${newest.video.file}`, { class: "faint" }));
}

function showCurves() {
  if (!curves) return;
  for (const group of curves.groups) {
    if (!colours.has(group.name)) colours.set(group.name, COLOURS[colours.size % COLOURS.length]);
    group.colour = colours.get(group.name);
  }
  const names = curves.groups.map((group) => `${group.name} (${group.count})`).join("\n");
  if (at("legend").dataset.names !== names) {
    at("legend").dataset.names = names;
    at("legend").replaceChildren(...curves.groups.map((group) => {
      const entry = made("li");
      const button = made("button", null, { type: "button", "aria-pressed": String(!hidden.has(group.name)) });
      const swatch = made("span", null, { class: "swatch" });
      swatch.style.color = group.colour;
      button.append(swatch, `${group.name} (${group.count})`);
      button.addEventListener("click", () => {
        if (!hidden.delete(group.name)) hidden.add(group.name);
        button.setAttribute("aria-pressed", String(!hidden.has(group.name)));
        showCurves();
      });
      entry.append(button);
      return entry;
    }));
  }
  draw(at("chart"), curves.groups.filter((group) => !hidden.has(group.name)), {
    log: at("log").checked, xLabel: LABELS[curves.over], yLabel: curves.metric,
  });
}

async function showDifferences() {
  at("differences-card").hidden = chosen.size < 2;
  if (chosen.size < 2) return;
  const found = await query("/api/differences", [...chosen].map((name) => ["run", name]));
  const head = made("tr");
  head.append(made("th", "Setting", { scope: "col" }), ...found.runs.map((name) => made("th", name, { scope: "col" })));
  at("differences").tHead.replaceChildren(head);
  at("differences").tBodies[0].replaceChildren(...found.settings.map((setting) => {
    const row = made("tr");
    row.append(made("th", setting.name, { scope: "row" }));
    for (const value of setting.values) row.append(made("td", value === null ? "–" : JSON.stringify(value)));
    return row;
  }));
  at("equal").textContent = `${found.equal} settings are equal.`;
}

let busy = false;
let again = false;

async function look() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    const found = await ask("/api/runs");
    options(at("metric"), found.metrics, "episode/return");
    options(at("over"), found.axes, "steps");
    showRuns(found.runs);
    showEvaluations(found.runs);
    showVideo(found.runs);
    at("left-out").textContent = found.left_out.length ? `Left out: ${found.left_out.join(" · ")}` : "";
    if (found.metrics.length) {
      const asked = ["metric", "over", "by", "smooth"].map((name) => [name, at(name).value]);
      curves = await query("/api/curves", [...asked, ...[...chosen].map((name) => ["run", name])]);
      showCurves();
    }
    await showDifferences();
    const system = await ask("/api/system");
    at("system").textContent =
      `processor ${Math.round(system.cpu)} % of ${system.cores} cores · memory ${system.memory.toFixed(1)} of ${system.memory_total.toFixed(0)} GiB`;
    at("problem").hidden = true;
  } catch (problem) {
    at("problem").hidden = false;
    at("problem").textContent = problem instanceof TypeError ? "gymnast watch has stopped; start it again" : problem.message;
  }
  busy = false;
  if (again) {
    again = false;
    look();
  }
}

for (const name of ["metric", "over", "by", "smooth"]) at(name).addEventListener("input", look);
at("log").addEventListener("input", showCurves);
new ResizeObserver(showCurves).observe(at("chart"));
look();
setInterval(() => document.hidden || look(), EVERY);
