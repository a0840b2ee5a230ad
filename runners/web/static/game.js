import { element } from "./chart.js";
import { ask } from "./server.js";

const CELL = 100;
const EDGE = 46;
const at = (id) => document.getElementById(id);
const SIDES = ["X", "O"];
const GROUND = { stones: "#e2be80", discs: "#2e7d50", drops: "#2854a0", marks: "#fafaf6" };
const FILL = {
  stones: ["#1e1e20", "#f8f8f4"], discs: ["#1e1e20", "#f8f8f4"], drops: ["#ecc43c", "#d6463c"], marks: ["#4285f4", "#d66e3c"],
};
let state = null;
let busy = false;
let cursor = 0;

const yours = () => !state.over && state.to_move === state.person;

// Tell the server, and let the agent answer where it is its turn.
async function tell(path, told) {
  if (busy) return;
  busy = true;
  at("problem").hidden = true;
  try {
    state = await ask(path, told);
    show();
    while (!state.over && state.to_move !== state.person) {
      at("status").textContent = "The agent thinks …";
      state = await ask("/api/answer", {});
      show();
    }
  } catch (problem) {
    at("problem").hidden = false;
    at("problem").textContent = problem instanceof TypeError ? "gymnast play has stopped; start it again" : problem.message;
  }
  busy = false;
  show();
}

const actionAt = (cell) => state.legal.find((a) => (state.by_column ? a === cell % state.columns : state.landing[a] === cell));

function move(cell) {
  const action = actionAt(cell);
  if (yours() && action !== undefined) tell("/api/move", { action });
}

function show() {
  if (!state) return;
  at("about").textContent = state.about;
  const who = `${SIDES[state.to_move]} to move: ${state.to_move === state.person ? "your turn" : "the agent"}`;
  at("status").textContent = state.over ? state.result : who;
  if (document.activeElement !== at("simulations")) at("simulations").value = state.simulations;
  at("moves").textContent = state.moves.map((name, i) => (i % 2 ? name : `${i / 2 + 1}. ${name}`)).join(" ") || "none yet";
  at("undo").disabled = busy || !state.moves.some((_, i) => i % 2 === state.person);
  at("hint").disabled = busy || !yours();
  for (const id of ["switch", "new"]) at(id).disabled = busy;
  const pass = state.legal.find((a) => state.landing[a] === null);
  at("pass").hidden = pass === undefined || !yours();
  at("pass").onclick = () => tell("/api/move", { action: pass });
  drawBoard();
  showThoughts();
}

function drawBoard() {
  const { rows, columns, style, cells } = state;
  const width = columns * CELL + 2 * EDGE;
  const height = rows * CELL + 2 * EDGE;
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "grid", "aria-label": "board" });
  svg.append(element("rect", { x: EDGE, y: EDGE, width: columns * CELL, height: rows * CELL, fill: GROUND[style], rx: 6 }));
  const layer = at("layer").checked ? considered() : new Map();
  const focused = document.activeElement?.dataset?.cell !== undefined;
  for (let r = 0; r < rows; r++) {
    const line = element("g", { role: "row" });
    for (let c = 0; c < columns; c++) line.append(drawCell(r, c, cells[r * columns + c], layer));
    svg.append(line);
  }
  for (let c = 0; c < columns; c++) {
    const name = state.by_column ? String(c + 1) : String.fromCharCode(97 + c);
    svg.append(element("text", { x: EDGE + (c + 0.5) * CELL, y: height - EDGE / 2, class: "name", "font-size": 32 }, name));
  }
  for (let r = 0; r < rows && !state.by_column; r++) {
    svg.append(element("text", { x: EDGE / 2, y: EDGE + (r + 0.5) * CELL, class: "name", "font-size": 32 }, r + 1));
  }
  at("board").replaceChildren(svg);
  if (focused) svg.querySelector(`[data-cell="${cursor}"]`)?.focus();
}

function drawCell(r, c, side, layer) {
  const { rows, columns, style } = state;
  const cell = r * columns + c;
  const group = element("g", { role: "gridcell" });
  const [x, y] = [EDGE + (c + 0.5) * CELL, EDGE + (r + 0.5) * CELL];
  if (style === "drops") group.append(element("circle", { cx: x, cy: y, r: 40, fill: side ? FILL.drops[side - 1] : "#e1e8f4" }));
  else if (style === "stones") {
    const stroke = { stroke: "#786e5a", "stroke-width": 2 };
    group.append(element("line", { x1: x - (c ? 50 : 0), x2: x + (c < columns - 1 ? 50 : 0), y1: y, y2: y, ...stroke }));
    group.append(element("line", { x1: x, x2: x, y1: y - (r ? 50 : 0), y2: y + (r < rows - 1 ? 50 : 0), ...stroke }));
  } else group.append(element("rect", { x: x - 50, y: y - 50, width: 100, height: 100, fill: "none", stroke: "#3c4048", "stroke-width": 2 }));
  if (side && style === "marks" && side === 1) {
    for (const sign of [1, -1]) {
      group.append(element("line", { x1: x - 27, y1: y - 27 * sign, x2: x + 27, y2: y + 27 * sign, stroke: FILL.marks[0], "stroke-width": 11 }));
    }
  } else if (side && style === "marks") {
    group.append(element("circle", { cx: x, cy: y, r: 29, fill: "none", stroke: FILL.marks[1], "stroke-width": 11 }));
  } else if (side && style !== "drops") {
    group.append(element("circle", { cx: x, cy: y, r: 40, fill: FILL[style][side - 1], stroke: "#3c4048", "stroke-width": 2 }));
  }
  if (state.line.includes(cell)) group.append(element("circle", { cx: x, cy: y, r: 44, fill: "none", stroke: "#2ecc71", "stroke-width": 8 }));
  if (state.last === cell) group.append(element("circle", { cx: x, cy: y, r: 11, fill: "#4285f4", stroke: "#fff", "stroke-width": 3 }));
  const share = layer.get(cell);
  if (share && !side) {
    group.append(element("circle", { cx: x, cy: y, r: 10 + 30 * Math.sqrt(share.share), fill: "#4285f4", opacity: 0.75 }));
    group.append(element("text", { x, y, class: "share", "font-size": 26 }, Math.round(100 * share.share)));
  }
  const open = yours() && actionAt(cell) !== undefined;
  const stands = side ? `${SIDES[side - 1]}` : "empty";
  const says = `row ${r + 1}, column ${c + 1}: ${stands}${state.last === cell ? ", the last move" : ""}${open ? ", open to you" : ""}`;
  const target = element("rect", {
    x: x - 50, y: y - 50, width: 100, height: 100, class: "cell", "data-cell": cell, tabindex: cell === cursor ? 0 : -1,
    role: "button", "aria-label": says, "aria-disabled": String(!open),
  });
  target.addEventListener("click", () => {
    cursor = cell;
    move(cell);
  });
  target.addEventListener("keydown", (event) => keys(event, cell));
  group.append(target);
  return group;
}

function keys(event, cell) {
  const { rows, columns } = state;
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    move(cell);
  } else if (steps[event.key]) {
    event.preventDefault();
    const [down, right] = steps[event.key];
    const r = (Math.floor(cell / columns) + down + rows) % rows;
    const c = ((cell % columns) + right + columns) % columns;
    cursor = r * columns + c;
    const svg = at("board");
    for (const target of svg.querySelectorAll(".cell")) target.setAttribute("tabindex", Number(target.dataset.cell) === cursor ? 0 : -1);
    svg.querySelector(`[data-cell="${cursor}"]`).focus();
  }
}

// Shares of the moves that the agent last thought about, by the cells that they would fill now.
function considered() {
  const shown = new Map();
  const thought = state.thought;
  if (!thought) return shown;
  thought.share.forEach((share, action) => {
    if (share < 0.005) return;
    const cell = state.landing[action] ?? (state.by_column ? null : action);
    if (cell !== null && cell !== undefined) shown.set(cell, { share });
  });
  return shown;
}

function showThoughts() {
  const thought = state.thought;
  at("thoughts").hidden = !at("layer").checked;
  if (!thought) {
    at("estimate").textContent = "Nothing yet: make a move, or ask for a hint.";
    at("considered").tBodies[0].replaceChildren();
    at("line").textContent = "";
    return;
  }
  const proven = { 1: "wins, proven", 0: "draws, proven", "-1": "loses, proven" }[thought.solved];
  const when = thought.ply === state.moves.length ? "now" : `before ${state.moves[thought.ply]}`;
  at("estimate").textContent = `${thought.side} ${proven || `expects ${thought.win} % of the points`} (${when}).`;
  const order = thought.share.map((share, action) => ({ share, action, visits: thought.visits[action], value: thought.values[action] }))
    .filter((one) => one.share > 0 || one.visits > 0)
    .sort((a, b) => b.share - a.share || b.visits - a.visits).slice(0, 6);
  at("considered").tBodies[0].replaceChildren(...order.map((one) => {
    const row = document.createElement("tr");
    const figures = [state.names[one.action], one.visits.toLocaleString("en"), `${(100 * one.share).toFixed(1)} %`, one.value === null ? "–" : one.value.toFixed(2)];
    figures.forEach((figure, i) => {
      const cell = document.createElement("td");
      cell.textContent = figure;
      if (i) cell.className = "number";
      if (one.action === thought.chosen) cell.style.fontWeight = "700";
      row.append(cell);
    });
    return row;
  }));
  at("line").textContent = thought.line.length ? `It expects ${thought.line.join(" ")}.` : "";
}

for (const id of ["undo", "hint", "switch", "new"]) at(id).addEventListener("click", () => tell(`/api/${id}`, {}));
at("layer").addEventListener("change", show);
at("simulations").addEventListener("change", () => {
  const simulations = Number(at("simulations").value);
  at("simulations").blur();
  tell("/api/strength", { simulations });
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input[type='number']") || event.ctrlKey || event.metaKey || event.altKey) return;
  const id = { u: "undo", h: "hint", n: "new" }[event.key];
  if (id && !at(id).disabled) at(id).click();
});
tell("/api/state");
