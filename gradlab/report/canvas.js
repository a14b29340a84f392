// A plot on a canvas: axes with round ticks, what the mouse is over, a click, and a stretch chosen by dragging.
"use strict";
const Canvas = (() => {
  const { ticks } = Ticks;
  const number = (value, digits = 3) => String(Number(value.toPrecision(digits))).replace("-", "−");

  class Plot {
    // `words(x, y)` says what is under the mouse, at positions on the axes, `click` and `stretch` what a hand asks for.
    constructor(element, { words, click = () => {}, stretch = () => {} }) {
      this.element = element;
      this.canvas = document.createElement("canvas");
      this.tip = document.createElement("div");
      this.tip.className = "tip";
      this.tip.hidden = true;
      element.replaceChildren(this.canvas, this.tip);
      this.pen = this.canvas.getContext("2d");
      this.from = null;
      element.addEventListener("pointermove", (event) => this.over(event, words));
      element.addEventListener("pointerleave", () => (this.tip.hidden = true));
      element.addEventListener("pointerdown", (event) => (this.from = event.button ? null : this.inside(event)));
      element.addEventListener("pointerup", (event) => this.up(event, click, stretch));
      element.addEventListener("pointercancel", () => (this.from = null));
      element.addEventListener("dblclick", () => stretch(null));
    }

    // Clears the canvas and sets the ends of both axes; `right` pixels are kept for what stands beside the plot.
    begin(x, y, look, { right = 12, left = 62 } = {}) {
      const box = this.element.getBoundingClientRect();
      const dense = window.devicePixelRatio || 1;
      Object.assign(this, { x, y, look, left, top: 8, wide: box.width - left - right, high: box.height - 56 });
      this.canvas.width = Math.round(box.width * dense);
      this.canvas.height = Math.round(box.height * dense);
      this.pen.setTransform(dense, 0, 0, dense, 0, 0);
      this.pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
      this.pen.fillStyle = look.soft;
      this.pen.strokeStyle = look.grid;
      this.pen.lineWidth = 1;
    }

    px(x) {
      return this.left + ((x - this.x[0]) / (this.x[1] - this.x[0])) * this.wide;
    }

    py(y) {
      return this.top + this.high - ((y - this.y[0]) / (this.y[1] - this.y[0])) * this.high;
    }

    text(words, x, y, align = "center", baseline = "middle") {
      Object.assign(this.pen, { textAlign: align, textBaseline: baseline });
      this.pen.fillText(words, x, y);
    }

    line(points, look = {}) {
      const { color = this.look.grid, width = 1, dash = [] } = look;
      this.pen.save();
      Object.assign(this.pen, { strokeStyle: color, lineWidth: width, lineJoin: "round" });
      this.pen.setLineDash(dash);
      this.pen.beginPath();
      points.forEach(([x, y], i) => (i ? this.pen.lineTo(x, y) : this.pen.moveTo(x, y)));
      this.pen.stroke();
      this.pen.restore();
    }

    // Whatever `draw` draws stays within the axes.
    clipped(draw) {
      this.pen.save();
      this.pen.beginPath();
      this.pen.rect(this.left, this.top, this.wide, this.high);
      this.pen.clip();
      draw();
      this.pen.restore();
    }

    // Ticks and titles; `yTicks` are pairs of a position and what stands there. With `grid`, lines at the ticks.
    axes(xTitle, yTitle, yTicks, grid = false) {
      const bottom = this.top + this.high;
      for (const x of ticks(...this.x, this.wide / 60)) {
        this.line(grid ? [[this.px(x), this.top], [this.px(x), bottom]] : [[this.px(x), bottom], [this.px(x), bottom + 4]]);
        this.text(number(x, 6), this.px(x), bottom + 8, "center", "top");
      }
      for (const [y, words] of yTicks) {
        if (grid) this.line([[this.left, this.py(y)], [this.left + this.wide, this.py(y)]]);
        this.text(words, this.left - 6, this.py(y), "right");
      }
      this.text(xTitle, this.left + this.wide / 2, bottom + 30, "center", "top");
      this.pen.save();
      this.pen.translate(10, this.top + this.high / 2);
      this.pen.rotate(-Math.PI / 2);
      this.text(yTitle, 0, 0);
      this.pen.restore();
    }

    // Where on the axes an event is; null outside.
    inside(event) {
      if (!this.x) return null;
      const box = this.element.getBoundingClientRect();
      const [a, b] = [(event.clientX - box.left - this.left) / this.wide, (event.clientY - box.top - this.top) / this.high];
      if (a < 0 || a > 1 || b < 0 || b > 1) return null;
      return [this.x[0] + a * (this.x[1] - this.x[0]), this.y[1] - b * (this.y[1] - this.y[0])];
    }

    over(event, words) {
      const at = this.inside(event);
      const said = at && words(...at);
      this.tip.hidden = !said;
      if (!said) return;
      this.tip.replaceChildren(...said.split("\n").map((line) => Object.assign(document.createElement("div"), { textContent: line })));
      const box = this.element.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      this.tip.style.left = `${Math.max(0, Math.min(x + 12, box.width - this.tip.offsetWidth))}px`;
      this.tip.style.top = `${y > this.tip.offsetHeight + 16 ? y - this.tip.offsetHeight - 8 : y + 16}px`;
    }

    up(event, click, stretch) {
      const [from, to] = [this.from, this.inside(event)];
      this.from = null;
      if (!from || !to) return;
      if (event.pointerType !== "touch" && Math.abs(this.px(from[0]) - this.px(to[0])) > 8) stretch([from[0], to[0]].sort((a, b) => a - b));
      else click(...to);
    }
  }

  return { Plot, number };
})();
