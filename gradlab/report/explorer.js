// The interactive map: log10 norm over lag and w_rec, and the profile of one network.
"use strict";
(() => {
  if (!window.Plotly) return;
  const { runs } = JSON.parse(document.getElementById("explorer-data").textContent);
  const at = (id) => document.getElementById(id);
  const pick = (name) => at(`pick-${name}`);
  const QUANTITIES = {
    adjoint: "adjoint",
    transport: "transport (largest singular value)",
    transport_frobenius: "transport (Frobenius)",
    weight_gradient: "weight gradient by lag",
  };
  const PARTS = { state: "whole state" };
  const CONFIG = { responsive: true, displayModeBar: false, showTips: false };
  const decoded = new Map();

  const number = (value, digits = 3) => String(Number(value.toPrecision(digits))).replace("-", "−");
  const said = (log) =>
    Number.isNaN(log) ? "undefined" : log === -Infinity ? "exactly zero" : log === Infinity ? "forward pass not finite" : `10^${number(log, 4)}`;

  function numbers(text) {
    if (!decoded.has(text)) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      decoded.set(text, new Float32Array(bytes.buffer));
    }
    return decoded.get(text);
  }

  // What the controls say, as positions and names.
  function chosen() {
    const run = runs[Number(pick("run").value)];
    return {
      run, cell: Number(pick("cell").value), init: Number(pick("init").value), quantity: pick("quantity").value,
      part: pick("part").value, t: Number(pick("T").value), w: Number(pick("w").value),
    };
  }

  const packed = ({ run, cell, quantity, part }) => numbers(run.maps[quantity][part][cell]);

  // The rows of a map, one a w_rec: a slice of the blocks that lie behind one another, one a T.
  function rows(c) {
    const { run } = c;
    const gains = run.w_rec.length;
    let start = 0;
    for (let t = 0; t < c.t; t += 1) start += run.inits.length * gains * run.lags[t].length;
    const width = run.lags[c.t].length;
    start += c.init * gains * width;
    const all = packed(c);
    return run.w_rec.map((_, w) => all.subarray(start + w * width, start + (w + 1) * width));
  }

  function fill(select, pairs) {
    const before = select.value;
    select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
    if (pairs.some(([value]) => String(value) === before)) select.value = before;
    select.parentNode.hidden = pairs.length < 2;
  }

  // Fills each control from those before it: a run's cells, a cell's quantities, a quantity's parts.
  function offer() {
    fill(pick("run"), runs.map((run, i) => [i, run.name]));
    const run = runs[Number(pick("run").value)];
    fill(pick("cell"), run.cells.map((cell, i) => [i, cell]));
    fill(pick("init"), run.inits.map((init, i) => [i, init]));
    const cell = pick("cell").value;
    const has = (quantity, part) => cell in (run.maps[quantity][part] ?? {});
    const kinds = Object.keys(run.maps).filter((q) => Object.keys(run.maps[q]).some((part) => has(q, part)));
    fill(pick("quantity"), kinds.map((q) => [q, QUANTITIES[q] ?? q]));
    const quantity = pick("quantity").value;
    fill(pick("part"), Object.keys(run.maps[quantity]).filter((part) => has(quantity, part)).map((part) => [part, PARTS[part] ?? part]));
    for (const [name, count] of [["T", run.T.length], ["w", run.w_rec.length]]) {
      const slider = pick(name);
      slider.max = count - 1;
      slider.parentNode.hidden = count < 2;
    }
  }

  function colors() {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(`--${name}`).trim();
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const scale = dark
      ? [[0, "#7db7f0"], [0.25, "#2f6ea8"], [0.5, "#16181b"], [0.75, "#b1532f"], [1, "#ffb08a"]]
      : [[0, "#12497f"], [0.25, "#5b9bd1"], [0.5, "#fafafa"], [0.75, "#e58b62"], [1, "#8c1f14"]];
    return { ink: get("ink"), soft: get("soft"), grid: get("grid"), gap: get("gap"), page: get("page"), accent: get("accent"), scale };
  }

  function layout(look, more) {
    const axis = { gridcolor: look.grid, zerolinecolor: look.grid, linecolor: look.grid, tickcolor: look.grid, automargin: true };
    const { xaxis, yaxis, ...rest } = more;
    return {
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: look.soft },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 62, r: 12, t: 8, b: 48 }, showlegend: false,
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
      hoverlabel: { bgcolor: look.page, bordercolor: look.grid, font: { color: look.ink } },
      xaxis: { ...axis, ...xaxis }, yaxis: { ...axis, ...yaxis }, ...rest,
    };
  }

  // The scale belongs to the cell and the quantity, so that T can be moved without the colours moving.
  function reach(c) {
    const sizes = Float32Array.from(packed(c).filter(Number.isFinite), Math.abs).sort();
    return sizes.length ? Math.max(sizes[Math.floor(0.98 * (sizes.length - 1))], 1e-3) : 1;
  }

  function label(w) {
    return w === null ? "none" : number(w, 4);
  }

  function drawMap(c, z, look) {
    const { run } = c;
    const lags = run.lags[c.t];
    const limit = reach(c);
    const every = Math.max(1, Math.ceil(run.w_rec.length / 8));
    const ticks = run.w_rec.map((_, i) => i).filter((i) => i % every === 0);
    const text = z.map((row, w) => Array.from(row, (log, i) => `lag ${lags[i]}, w_rec ${label(run.w_rec[w])}<br>${said(log)}`));
    const shown = z.map((row) => Array.from(row, (log) => (Number.isFinite(log) ? log : null)));
    const data = [{
      type: "heatmap", x: lags, y: run.w_rec.map((_, i) => i), z: shown, text, hoverinfo: "text", zmin: -limit, zmax: limit,
      colorscale: look.scale, colorbar: { thickness: 10, outlinewidth: 0, title: { text: "log<sub>10</sub>" }, tickcolor: look.grid },
    }];
    const mark = { type: "rect", xref: "paper", x0: 0, x1: 1, y0: c.w - 0.5, y1: c.w + 0.5, line: { color: look.ink, width: 1.5 } };
    return Plotly.react(at("map"), data, layout(look, {
      plot_bgcolor: look.gap, shapes: [mark], xaxis: { title: { text: "lag (steps back from T)", standoff: 10 }, showgrid: false, zeroline: false },
      yaxis: { title: { text: "w_rec", standoff: 10 }, tickvals: ticks, ticktext: ticks.map((i) => label(run.w_rec[i])), showgrid: false, zeroline: false },
    }), CONFIG);
  }

  function drawNetwork(c, row, look) {
    const { run } = c;
    const lags = run.lags[c.t];
    const gain = run.w_rec[c.w];
    const hover = Array.from(row, (log, i) => `lag ${lags[i]}<br>${said(log)}`);
    const line = { x: lags, y: Array.from(row, (log) => (Number.isFinite(log) ? log : null)), text: hover, hoverinfo: "text", mode: "lines", line: { color: look.accent, width: 2 } };
    const first = row.findIndex(Number.isFinite);
    const data = [line];
    if (first >= 0 && gain) {
      const law = row[first] - lags[first] * Math.log10(Math.abs(gain));
      data.push({ x: [lags[first], lags.at(-1)], y: [lags[first], lags.at(-1)].map((k) => law + k * Math.log10(Math.abs(gain))), mode: "lines", line: { color: look.soft, width: 1, dash: "dash" }, hoverinfo: "skip" });
    }
    return Plotly.react(at("network"), data, layout(look, {
      xaxis: { title: { text: "lag (steps back from T)", standoff: 10 } }, yaxis: { title: { text: "log<sub>10</sub> norm", standoff: 10 } },
    }), CONFIG);
  }

  function sentence(c, row) {
    const { run } = c;
    const gain = run.w_rec[c.w];
    const rate = run.rates[((c.cell * run.inits.length + c.init) * run.w_rec.length + c.w) * run.T.length + c.t];
    const last = row.length - 1 - [...row].reverse().findIndex((log) => !Number.isNaN(log));
    const end = last < row.length ? `${said(row[last])} at lag ${run.lags[c.t][last]}` : "undefined at every lag";
    const slope = rate === null ? "no rate" : `rate of the transport ${rate > 0 ? "+" : ""}${number(rate)} decades per step`;
    const start = run.inits.length > 1 ? `, ${run.inits[c.init]}` : "";
    return `${run.cells[c.cell]}${start}${gain === null ? "" : `, w_rec = ${label(gain)}`}, T = ${run.T[c.t]}: ${QUANTITIES[c.quantity] ?? c.quantity} ${end}; ${slope} (mean over ${run.seeds} seed${run.seeds === 1 ? "" : "s"}). Dashed: the linear law, lag · log10 |w_rec|.`;
  }

  // Text, with powers of ten raised.
  function write(element, text) {
    const parts = text.split(/10\^([−\d.]+)/).map((part, i) => {
      const raised = document.createElement("sup");
      raised.textContent = part;
      return i % 2 ? raised : part;
    });
    element.replaceChildren(...parts.flatMap((part, i) => (i % 2 ? ["10", part] : [part])));
  }

  function draw() {
    offer();
    const c = chosen();
    const z = rows(c);
    const look = colors();
    at("at-T").textContent = c.run.T[c.t];
    at("at-w").textContent = label(c.run.w_rec[c.w]);
    pick("T").setAttribute("aria-valuetext", String(c.run.T[c.t]));
    pick("w").setAttribute("aria-valuetext", label(c.run.w_rec[c.w]));
    write(at("said"), sentence(c, z[c.w]));
    return Promise.all([drawMap(c, z, look), drawNetwork(c, z[c.w], look)]);
  }

  // Starts at the longest T and at the w_rec nearest to 0.9.
  function start() {
    offer();
    const { run } = chosen();
    const far = (w) => Math.abs((w ?? 1) - 0.9);
    pick("T").value = run.T.indexOf(Math.max(...run.T));
    pick("w").value = run.w_rec.reduce((best, w, i) => (far(w) < far(run.w_rec[best]) ? i : best), 0);
    if ("transport" in run.maps) pick("quantity").value = "transport";
  }

  start();
  draw().then(() => {
    at("map").on("plotly_click", (event) => {
      pick("w").value = Math.round(event.points[0].y);
      draw();
    });
    document.documentElement.dataset.explorer = "ready";
  });
  at("controls").addEventListener("input", draw);
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
