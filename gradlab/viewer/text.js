// The text on a canvas: only the lines in sight are drawn, and the same lines stand there as text that can be
// read aloud, selected and copied.
"use strict";

const TextView = (() => {
  const { byId, make } = Elements;
  const [scroller, tall, canvas, lines] = ["text", "tall", "canvas", "rows"].map(byId);
  const context = canvas.getContext("2d");
  const FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  const DECADES = 4;
  // Milliseconds for what has to be computed before a line is drawn; the rest comes with the next frame.
  const PATIENCE = 14;
  const SHADES = 64;

  const view = { panes: [], predictions: true, mark: null, found: { found: [], length: 0, current: -1 } };
  const colors = {};
  let layout = null;
  let waiting = 0;
  let drawn = 0;
  let overlaid = "";

  // The palette of the style sheet, each scale in steps from the page's own colour.
  view.paint = () => {
    const style = getComputedStyle(document.documentElement);
    const get = (name) => style.getPropertyValue(`--${name}`).trim();
    const parts = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
    const page = parts(get("page"));
    for (const name of ["ink", "soft", "line", "accent", "low-bar", "high-bar", "felt-bar"]) colors[name] = get(name);
    for (const name of ["low", "high", "felt", "sure"]) {
      const end = parts(get(name));
      const shade = (share) => `rgb(${page.map((one, i) => Math.round(one + (end[i] - one) * share)).join(" ")})`;
      colors[name] = Array.from({ length: SHADES + 1 }, (_, i) => shade(i / SHADES));
    }
    view.draw();
  };

  const shade = (name, level) => colors[name][Math.round(SHADES * Math.min(1, Math.max(0, level)))];

  // After a change of size, or of what stands below a line; the line at the top stays there.
  view.lay = () => {
    if (!view.panes.length || !scroller.clientWidth) return;
    const top = view.top();
    const [width, height, ratio] = [scroller.clientWidth, scroller.clientHeight, window.devicePixelRatio || 1];
    context.font = `15px ${FONT}`;
    const advance = context.measureText("m").width;
    layout = new Layout({ width, height, panes: view.panes.length, predictions: view.predictions, advance });
    tall.style.height = `${layout.count * layout.row}px`;
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.dataset.rows = layout.count;
    overlaid = "";
    if (top !== null) scroller.scrollTop = layout.rowOf(top) * layout.row;
    view.draw();
  };

  view.draw = () => {
    waiting ||= requestAnimationFrame(draw);
  };

  view.top = () => layout?.begins[Math.round(scroller.scrollTop / layout.row)] ?? null;
  view.below = (at, count) => layout.below(at, count);

  view.show = (at) => {
    scroller.scrollTop = layout.rowOf(at) * layout.row;
    view.draw();
  };

  view.reveal = (at) => {
    const y = layout.rowOf(at) * layout.row;
    const hidden = y < scroller.scrollTop || y + layout.row > scroller.scrollTop + layout.height;
    if (hidden) scroller.scrollTop = y - layout.height / 3;
    view.draw();
  };

  // What lies at a point of the window.
  view.hit = (x, y) => {
    const box = scroller.getBoundingClientRect();
    const inside = x >= box.left && x < box.left + layout.width && y >= box.top && y < box.top + layout.height;
    return inside ? layout.hit(x - box.left, y - box.top + scroller.scrollTop) : null;
  };

  function draw() {
    waiting = 0;
    if (!layout) return;
    const ratio = window.devicePixelRatio || 1;
    const first = Math.max(0, Math.floor(scroller.scrollTop / layout.row));
    const end = Math.min(layout.count, Math.ceil((scroller.scrollTop + layout.height) / layout.row));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, layout.width, layout.height);
    if (end > first) {
      const [from, to] = [layout.begins[first], layout.ends[end - 1]];
      const whole = view.panes.map(({ cell, part }) => part.array !== null || Study.need(cell, from, to, PATIENCE));
      if (whole.includes(false)) view.draw();
    }
    for (let row = first; row < end; row++) line(row, row * layout.row - scroller.scrollTop);
    overlay(first, end);
    drawn += end - first;
    Object.assign(canvas.dataset, { lines: end - first, drawn });
  }

  function write(text, x, y, { font, color, align = "center", most }) {
    Object.assign(context, { font, fillStyle: color, textAlign: align });
    context.fillText(text, x, y, most);
  }

  function line(row, y) {
    const file = layout.heads.get(row);
    if (file) {
      const base = y + Math.min(layout.row, 44);
      write(file.name, 4, base - 12, { font: "600 13px system-ui, sans-serif", color: colors.soft, align: "left", most: layout.width - 8 });
      context.fillRect(0, base - 5, layout.width, 1);
      return;
    }
    view.panes.forEach((pane, k) => {
      const [left, top] = layout.corner(k, y);
      const number = layout.numbers[row];
      if (layout.sideways && number) write(number, left - 10, top + LABEL + 15, { font: `11px ${FONT}`, color: colors.soft, align: "right" });
      for (let at = layout.begins[row]; at < layout.ends[row]; at++) character(pane, at, left + (at - layout.begins[row]) * layout.cell, top);
      matches(row, left, top);
    });
  }

  // How a pane shows one character: how strongly, in which colour, and whether its bar has one direction only.
  function look({ cell, part, index, gradient }, at) {
    if (gradient) {
      const log = gradient.logs[gradient.at - at];
      return { level: log === undefined ? 0 : 1 + (log - gradient.most) / DECADES, scale: "felt", oneWay: true };
    }
    const value = Study.value(cell, part, index, at);
    const shown = part.scale * 127 > 1.001 ? Math.tanh(value) : value;
    return { level: Math.abs(shown) || 0, scale: shown < 0 ? "low" : "high", oneWay: part.gate };
  }

  function character(pane, at, x, y) {
    const { level, scale, oneWay } = look(pane, at);
    const top = y + LABEL;
    const code = Study.codes[at];
    const blank = "\n\t".includes(Study.symbols[code]);
    context.fillStyle = shade(scale, level);
    context.fillRect(x, top, layout.cell, LINE);
    write(Study.drawn[code], x + layout.cell / 2, top + 15, { font: `15px ${FONT}`, color: blank ? colors.soft : colors.ink, most: layout.cell });
    label(pane.label, at, x, y);
    bar(level, scale, oneWay, x, top + LINE);
    if (view.mark === at) frame(x, top - 1, layout.cell, LINE + 2, colors.ink, 2);
    if (layout.predictions) choices(pane.cell, at, x, top + LINE + TRACE);
  }

  function frame(x, y, width, height, color, thick) {
    Object.assign(context, { strokeStyle: color, lineWidth: thick });
    context.strokeRect(x + thick / 2, y + thick / 2, width - thick, height - thick);
  }

  // The value as a bar, which needs no colour: up from the line where positive, down where negative.
  function bar(level, scale, oneWay, x, top) {
    const size = Math.min(1, Math.max(0, level)) * (oneWay ? TRACE - 3 : TRACE / 2 - 1);
    const base = top + (oneWay ? TRACE - 2 : TRACE / 2);
    context.fillStyle = colors.line;
    context.fillRect(x, base, layout.cell, 1);
    context.fillStyle = colors[`${scale}-bar`];
    if (size >= 0.5) context.fillRect(x, scale === "low" ? base : base + 1 - size, layout.cell - 1, size);
  }

  // Where the label is that the unit is judged by: a line, or a bar as high as its number.
  function label(number, at, x, y) {
    const chosen = Study.labels[number];
    if (!chosen?.values[at]) return;
    const height = chosen.kind === "binary" ? 3 : Math.max(1, (4 * chosen.values[at]) / chosen.most);
    context.fillStyle = colors.ink;
    context.fillRect(x, y + 4 - height, layout.cell, height);
  }

  function choices(cell, at, x, y) {
    const { ranks, came, place } = Study.predictions(cell, at);
    const middle = x + (layout.cell - 1) / 2;
    ranks.forEach(({ symbol, probability }, k) => {
      const top = y + k * CHOICE;
      context.fillStyle = shade("sure", probability);
      context.fillRect(x, top, layout.cell - 1, CHOICE - 1);
      write(Study.seen[symbol], middle, top + 10, { font: `12px ${FONT}`, color: colors.ink, most: layout.cell - 2 });
      if (symbol === came) frame(x, top, layout.cell - 1, CHOICE - 1, colors.accent, 1.5);
    });
    if (place) write(place, middle, y + CHOICES * CHOICE + 9, { font: `10px ${FONT}`, color: place > 1 ? colors.ink : colors.soft, most: layout.cell - 2 });
  }

  // Frames around what the search has found in a row.
  function matches(row, left, top) {
    const { found, length, current } = view.found;
    const [begin, end] = [layout.begins[row], layout.ends[row]];
    for (let k = lowest(found, begin - length + 1); k < found.length && found[k] < end; k++) {
      const [from, to] = [Math.max(begin, found[k]) - begin, Math.min(end, found[k] + length) - begin];
      frame(left + from * layout.cell, top + LABEL, (to - from) * layout.cell, LINE, colors.accent, k === current ? 3 : 1.5);
    }
  }

  // The first of some sorted places that is not below a number.
  function lowest(places, least) {
    let [low, high] = [0, places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (places[middle] < least) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // The lines in sight as elements of the page.
  function overlay(first, end) {
    const key = `${first}-${end}-${layout.row}-${layout.columns}`;
    if (key === overlaid) return;
    overlaid = key;
    const made = [];
    for (let row = first; row < end; row++) {
      const codes = Study.codes.subarray(layout.begins[row], layout.ends[row]);
      const text = Array.from(codes, (code) => (Study.symbols[code] === "\n" ? "" : Study.drawn[code])).join("");
      const [begin, last] = [layout.begins[row], layout.ends[row]];
      const element = make("p", { "data-begin": begin, "data-end": last, "data-cell": layout.cell }, layout.heads.get(row)?.name ?? text);
      element.style.top = `${row * layout.row + LABEL}px`;
      element.style.left = `${layout.gutter}px`;
      element.style.letterSpacing = `${layout.cell - layout.advance}px`;
      made.push(element);
    }
    lines.replaceChildren(...made);
  }

  scroller.addEventListener("scroll", view.draw, { passive: true });
  return view;
})();
