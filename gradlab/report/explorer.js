// The interactive map: log10 norm over lag and w_rec, and the profile of one network.
"use strict";
(() => {
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
  const LAGS = "lag (steps back from T)";
  const { number } = Canvas;
  const { ticks } = Ticks;
  const decoded = new Map();
  // The stretch of lags that both plots show; null for all of them.
  let stretch = null;

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
    const scale = dark ? ["#7db7f0", "#2f6ea8", "#16181b", "#b1532f", "#ffb08a"] : ["#12497f", "#5b9bd1", "#fafafa", "#e58b62", "#8c1f14"];
    return { ink: get("ink"), soft: get("soft"), grid: get("grid"), gap: get("gap"), accent: get("accent"), scale: scale.map(parts) };
  }

  const parts = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));

  // The colour of a number from -1 to 1, between the two stops beside it.
  function shade(value, scale) {
    const at = ((Math.max(-1, Math.min(1, value)) + 1) / 2) * (scale.length - 1);
    const k = Math.min(Math.floor(at), scale.length - 2);
    return scale[k].map((part, i) => part + (at - k) * (scale[k + 1][i] - part));
  }

  // The scale belongs to the cell and the quantity, so that T can be moved without the colours moving.
  function reach(c) {
    const sizes = Float32Array.from(packed(c).filter(Number.isFinite), Math.abs).sort();
    return sizes.length ? Math.max(sizes[Math.floor(0.98 * (sizes.length - 1))], 1e-3) : 1;
  }

  function label(w) {
    return w === null ? "own" : number(w, 4);
  }

  // The position in `lags`, sorted, that is nearest to a lag.
  function nearest(lags, lag) {
    let [low, high] = [0, lags.length - 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (lags[middle] <= lag) low = middle;
      else high = middle;
    }
    return Math.abs(lags[high] - lag) < Math.abs(lags[low] - lag) ? high : low;
  }

  const ends = (lags) => stretch ?? [lags[0], Math.max(lags.at(-1), lags[0] + 1)];

  // One pixel a column and a w_rec, drawn large: what it costs does not grow with the number of lags.
  function picture(plot, z, lags, limit, look) {
    const small = document.createElement("canvas");
    [small.width, small.height] = [Math.max(1, Math.round(plot.wide)), z.length];
    const pen = small.getContext("2d");
    const image = pen.createImageData(small.width, small.height);
    const gap = parts(look.gap);
    for (let i = 0; i < small.width; i += 1) {
      const at = nearest(lags, plot.x[0] + ((i + 0.5) / small.width) * (plot.x[1] - plot.x[0]));
      z.forEach((row, w) => {
        const color = Number.isFinite(row[at]) ? shade(row[at] / limit, look.scale) : gap;
        image.data.set([...color, 255], 4 * ((z.length - 1 - w) * small.width + i));
      });
    }
    pen.putImageData(image, 0, 0);
    return small;
  }

  function drawMap(c, z, look) {
    const { run } = c;
    const lags = run.lags[c.t];
    const limit = reach(c);
    const [from, to] = ends(lags);
    map.begin(stretch ?? [from - 0.5, to + 0.5], [-0.5, z.length - 0.5], look, { right: 66 });
    map.pen.imageSmoothingEnabled = false;
    map.pen.drawImage(picture(map, z, lags, limit, look), map.left, map.top, map.wide, map.high);
    const every = Math.max(1, Math.ceil(run.w_rec.length / 8));
    map.axes(LAGS, "w_rec", run.w_rec.flatMap((w, i) => (i % every ? [] : [[i, label(w)]])));
    const corners = [c.w - 0.5, c.w + 0.5].map((w) => map.py(w));
    const [left, right] = [map.left, map.left + map.wide];
    map.line([[left, corners[0]], [right, corners[0]], [right, corners[1]], [left, corners[1]], [left, corners[0]]], { color: look.ink, width: 1.5 });
    drawScale(limit, look, right + 12);
    at("map").shown = { lags, rows: z.map((row) => Array.from(row, said)), chosen: c.w, place: (lag, w) => [map.px(lag), map.py(w)] };
  }

  // The scale beside the map.
  function drawScale(limit, look, left) {
    const fill = map.pen.createLinearGradient(0, map.top + map.high, 0, map.top + 20);
    look.scale.forEach((color, k) => fill.addColorStop(k / (look.scale.length - 1), `rgb(${color.join()})`));
    map.pen.fillStyle = fill;
    map.pen.fillRect(left, map.top + 20, 10, map.high - 20);
    map.pen.fillStyle = look.soft;
    map.text("log10", left, map.top, "left", "top");
    for (const value of ticks(-limit, limit, 6)) {
      map.text(number(value), left + 14, map.top + map.high - ((value / limit + 1) / 2) * (map.high - 20), "left");
    }
  }

  // The linear law through the first finite norm, at both ends of the lags; nothing without a gain.
  function law(c, row, lags) {
    const gain = Math.log10(Math.abs(c.run.w_rec[c.w]));
    const first = row.findIndex(Number.isFinite);
    if (first < 0 || c.run.w_rec[c.w] === null || !Number.isFinite(gain)) return [];
    return [lags[first], lags.at(-1)].map((lag) => [lag, row[first] + (lag - lags[first]) * gain]);
  }

  function drawNetwork(c, row, look) {
    const lags = c.run.lags[c.t];
    const dashed = law(c, row, lags);
    const x = ends(lags);
    const seen = Array.from(row).filter((log, i) => Number.isFinite(log) && lags[i] >= x[0] && lags[i] <= x[1]);
    const sizes = [...seen, ...(stretch ? [] : dashed.map(([, log]) => log))];
    const [low, high] = sizes.length ? [Math.min(...sizes), Math.max(...sizes)] : [-1, 1];
    const room = 0.05 * (high - low) || 0.5;
    network.begin(x, [low - room, high + room], look);
    network.axes(LAGS, "log10 of the norm", ticks(...network.y, network.high / 40).map((y) => [y, number(y, 6)]), true);
    network.clipped(() => {
      for (const points of unbroken(row, lags)) {
        if (points.length > 1) network.line(points, { color: look.accent, width: 2 });
        else network.line([[points[0][0] - 2, points[0][1]], [points[0][0] + 2, points[0][1]]], { color: look.accent, width: 4 });
      }
      if (dashed.length) network.line(dashed.map(([lag, log]) => [network.px(lag), network.py(log)]), { color: look.soft, dash: [6, 4] });
    });
    at("network").shown = { lags, row: Array.from(row, said), dashed };
  }

  // The places of the norms of a profile, parted where one is not finite.
  function unbroken(row, lags) {
    const pieces = [[]];
    row.forEach((log, i) => {
      if (Number.isFinite(log)) pieces.at(-1).push([network.px(lags[i]), network.py(log)]);
      else pieces.push([]);
    });
    return pieces.filter((points) => points.length);
  }

  // What is under the mouse.
  function overMap(lag, w) {
    const c = chosen();
    const [lags, row] = [c.run.lags[c.t], Math.round(w)];
    const i = nearest(lags, lag);
    return `lag ${lags[i]}, w_rec ${label(c.run.w_rec[row])}\n${said(rows(c)[row][i])}`;
  }

  function overNetwork(lag) {
    const c = chosen();
    const i = nearest(c.run.lags[c.t], lag);
    return `lag ${c.run.lags[c.t][i]}\n${said(rows(c)[c.w][i])}`;
  }

  function show(lags) {
    stretch = lags;
    draw();
  }

  function choose(lag, w) {
    pick("w").value = Math.round(w);
    draw();
  }

  const map = new Canvas.Plot(at("map"), { words: overMap, click: choose, stretch: show });
  const network = new Canvas.Plot(at("network"), { words: overNetwork, stretch: show });

  function sentence(c, row) {
    const { run } = c;
    const gain = run.w_rec[c.w];
    const rate = run.rates[((c.cell * run.inits.length + c.init) * run.w_rec.length + c.w) * run.T.length + c.t];
    const last = row.length - 1 - [...row].reverse().findIndex((log) => !Number.isNaN(log));
    const end = last < row.length ? `${said(row[last])} at lag ${run.lags[c.t][last]}` : "undefined at every lag";
    const slope = rate === null ? "no rate" : `rate of the transport ${rate > 0 ? "+" : ""}${number(rate)} decades per step`;
    const start = run.inits.length > 1 ? `, ${run.inits[c.init]}` : "";
    return `${run.cells[c.cell]}${start}${gain === null ? "" : `, w_rec = ${label(gain)}`}, T = ${run.T[c.t]}: ${QUANTITIES[c.quantity] ?? c.quantity} ${end}; ${slope} (mean over ${run.seeds} ${run.seeds === 1 ? run.repeats.slice(0, -1) : run.repeats}).${gain === null ? "" : " Dashed: the linear law, lag · log10 |w_rec|."}`;
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
    if (stretch && stretch[0] >= c.run.T[c.t]) stretch = null;
    drawMap(c, z, look);
    drawNetwork(c, z[c.w], look);
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
  draw();
  new ResizeObserver(draw).observe(at("map"));
  document.documentElement.dataset.explorer = "ready";
  at("controls").addEventListener("input", draw);
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
