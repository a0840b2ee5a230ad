import { ask } from "./server.js";

const at = (id) => document.getElementById(id);
const NAMES = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
let state = null;
let busy = false;
let running = false;
let mine = false;
let pressed = []; // the newest last
let due = 0;

async function tell(path, told) {
  if (busy) return;
  busy = true;
  try {
    state = await ask(path, told);
    at("problem").hidden = true;
    show();
  } catch (problem) {
    running = false;
    at("problem").hidden = false;
    at("problem").textContent = problem instanceof TypeError ? "gymnast play has stopped; start it again" : problem.message;
  }
  busy = false;
}

function show() {
  at("about").textContent = state.about;
  at("picture").src = state.picture;
  at("picture").alt = `the environment at step ${state.step}`;
  const ended = state.ended ? " · the end" : "";
  at("status").textContent = `return ${state.return.toFixed(1)} · step ${state.step}${ended}`;
  at("run").setAttribute("aria-pressed", String(running));
  at("run").textContent = running ? "Pause" : "Run";
  at("take").setAttribute("aria-pressed", String(mine));
  at("take").textContent = mine ? "Give back" : "Take over";
  at("take").disabled = !state.keys;
  at("keys").textContent = state.keys ? `Keys: ${state.keys.map(([key, effect]) => `${key}: ${effect}`).join(", ")}.` : "Keys cannot give this environment's actions.";
  const thoughts = state.thoughts;
  at("value").textContent = thoughts && thoughts.value !== null ? `value ${thoughts.value.toFixed(2)}` : "";
  at("bars-title").textContent = thoughts ? thoughts.title : "";
  at("bars").replaceChildren(...(thoughts ? thoughts.bars.flatMap(bar) : []));
}

function bar({ name, value, low, high, chosen }) {
  const label = document.createElement("span");
  label.textContent = name;
  if (chosen) label.className = "chosen";
  const meter = document.createElement("meter");
  meter.min = low;
  meter.max = high;
  meter.value = value;
  meter.setAttribute("aria-label", name);
  const figure = document.createElement("span");
  figure.textContent = value.toFixed(2);
  return [label, meter, figure];
}

function step() {
  const told = { steps: 1 };
  if (mine) told.keys = pressed;
  return tell("/api/step", told);
}

async function loop(now) {
  if (running && !busy && now >= due) {
    due = now + 1000 / (state.fps * Number(at("speed").value)) + (state.ended ? 800 : 0);
    await step();
  }
  requestAnimationFrame(loop);
}

function toggle(which) {
  if (which === "run") running = !running;
  else if (state.keys) mine = !mine;
  pressed = [];
  show();
}

at("run").addEventListener("click", () => toggle("run"));
at("take").addEventListener("click", () => toggle("take"));
at("step").addEventListener("click", () => {
  running = false;
  step();
});
at("restart").addEventListener("click", () => tell("/api/restart", {}));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
  const key = NAMES[event.key] || event.key.toLowerCase();
  if (mine && state.bound.includes(key)) {
    event.preventDefault();
    pressed = [...pressed.filter((other) => other !== key), key];
  } else if (event.key === " " && !event.target.matches("button")) {
    event.preventDefault();
    toggle("run");
  } else if (event.key === ".") at("step").click();
  else if (event.key === "t") toggle("take");
});
document.addEventListener("keyup", (event) => {
  const key = NAMES[event.key] || event.key.toLowerCase();
  pressed = pressed.filter((other) => other !== key);
});
addEventListener("blur", () => {
  pressed = [];
});
await tell("/api/state");
requestAnimationFrame(loop);
