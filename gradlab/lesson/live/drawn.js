// Drawings of the widgets: SVG as wide as its place, redrawn when that changes; axes, lines, words.
"use strict";

const Drawn = (() => {
  const { ticks } = Ticks;
  const { make } = Elements;
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // An SVG in `box`; `draw(pen)` fills it from nothing whenever it must be seen anew.
  function stage(box, height, label, draw) {
    const svg = make("svg:svg", { role: "img", "aria-label": label });
    box.append(svg);
    let asked = false;
    const again = () => {
      asked = false;
      const width = box.clientWidth;
      if (!width) return;
      const high = typeof height === "function" ? height(width) : height;
      svg.setAttribute("viewBox", `0 0 ${width} ${high}`);
      svg.setAttribute("height", high);
      svg.replaceChildren();
      draw(pen(svg, width, high));
    };
    new ResizeObserver(again).observe(box);
    return () => {
      if (!asked) requestAnimationFrame(again);
      asked = true;
    };
  }

  function pen(svg, width, height) {
    const put = (tag, attributes, ...children) => {
      const one = make(`svg:${tag}`, attributes, ...children);
      svg.append(one);
      return one;
    };
    return {
      svg, width, height, put,
      text: (words, x, y, look = {}) => put("text", { x, y, ...look }, words),
      line: (points, look = {}) => put("polyline", { points: points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" "), fill: "none", ...look }),
      circle: (x, y, r, look = {}) => put("circle", { cx: x, cy: y, r, ...look }),
      box: (x, y, w, h, look = {}) => put("rect", { x, y, width: Math.max(w, 0), height: Math.max(h, 0), ...look }),
    };
  }

  // Axes with their names; returns how a number becomes a place. With `powers`, y holds logarithms.
  function axes(pen, { x, y, names, powers = false, left = 54 }) {
    const [right, top, bottom] = [pen.width - 16, 12, pen.height - 40];
    const px = (value) => left + ((value - x[0]) / (x[1] - x[0])) * (right - left);
    const py = (value) => bottom - ((value - y[0]) / (y[1] - y[0])) * (bottom - top);
    for (const value of ticks(...x, (right - left) / 60)) {
      pen.line([[px(value), bottom], [px(value), bottom + 4]], { class: "axis" });
      pen.text(plain(value), px(value), bottom + 17, { "text-anchor": "middle", class: "tick" });
    }
    for (const value of ticks(...y, powers ? 5 : 6).filter((one) => !powers || Number.isInteger(one))) {
      pen.line([[left, py(value)], [right, py(value)]], { class: "axis" });
      const words = pen.text(powers ? "10" : plain(value), left - 7, py(value) + 4, { "text-anchor": "end", class: "tick" });
      if (powers) words.append(make("svg:tspan", { dy: "-5", "font-size": "9" }, plain(value)));
    }
    pen.text(names[0], (left + right) / 2, pen.height - 5, { "text-anchor": "middle", class: "tick" });
    pen.text(names[1], 11, (top + bottom) / 2, { "text-anchor": "middle", class: "tick", transform: `rotate(-90 11 ${(top + bottom) / 2})` });
    return { px, py, left, right, top, bottom };
  }

  const plain = (value) => Words.written(String(Number(value.toPrecision(6))).replace("-", "−"));

  // Three digits; very large and very small numbers as a power of ten, so that a reader need not count zeros.
  function number(value, digits = 3) {
    if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : Words.say("no_number");
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e-3 && size < 1e5) return plain(Number(value.toPrecision(digits)));
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    return `${Words.written(mantissa)} · 10^${Number(power)}`.replaceAll("-", "−");
  }

  // Words with 10^−3 raised.
  const said = (words) => words.split(/(10\^−?\d+(?:[.,]\d+)?)/).flatMap((part) => (part.startsWith("10^") ? ["10", make("sup", {}, part.slice(3))] : [part]));
  const ten = (log) => (log === -Infinity ? "0" : Math.abs(log) < 290 ? number(10 ** log) : `10^${plain(Number(log.toFixed(1)))}`);

  return { stage, axes, number, said, ten, calm };
})();
