// Which earlier steps hear the error of a chosen one: rows of steps, a row a cell, shaded by measured gradients.
"use strict";

const Connected = (() => {
  const [FAINT, LEFT, ROW] = [-6, 52, 46];
  const CLEAR = -3;

  // How dark a step is: 1 for an error that arrives whole or grown, 0 for one of a millionth or less.
  const shade = (log) => (log === null ? 0 : Math.max(0, Math.min(1, 1 - log / FAINT)));

  // Steps back, without a gap, that hear more than a thousandth; null in `logs` is an exact zero.
  const heard = (logs) => {
    const back = [...logs].reverse().findIndex((log) => log === null || log < CLEAR);
    return (back < 0 ? logs.length : back) - 1;
  };

  function widget(box, { cells }) {
    const last = cells[0].logs.length;
    const slider = Controls.slider(box, { name: Words.say("step"), low: 1, high: last, step: 1, value: last }, () => show());
    const told = Controls.line(box);
    const redraw = Drawn.stage(box, ROW * cells.length + 26, Words.say("connected_label"), draw);

    function show() {
      const t = slider.get();
      const each = (says) => cells.map((cell) => `${says(cell.logs[t - 1])} (${cell.name})`).join(", ");
      const first = (logs) => (logs[0] === null ? "0" : Drawn.ten(logs[0]));
      told(t > 1 ? Words.say("connected_told", { step: t, first: each(first), heard: each(heard) }) : Words.say("no_earlier"));
      redraw();
    }

    function draw(pen) {
      const t = slider.get();
      const wide = (pen.width - LEFT - 4) / last;
      cells.forEach(({ name, logs }, row) => {
        const y = 6 + row * ROW;
        pen.text(name, LEFT - 8, y + 19, { "text-anchor": "end", class: "tick" });
        for (let k = 1; k <= last; k += 1) {
          const square = { stroke: "currentColor", "stroke-opacity": k > t ? 0.1 : 0.35, "fill-opacity": k > t ? 0 : shade(logs[t - 1][k - 1]), class: "felt" };
          pen.box(LEFT + (k - 1) * wide + 0.5, y, wide - 1, 30, square);
        }
        pen.box(LEFT + (t - 1) * wide - 0.5, y - 2, wide + 1, 34, { class: "chosen" });
      });
      for (const k of [1, t, last]) pen.text(String(k), LEFT + (k - 0.5) * wide, pen.height - 6, { "text-anchor": "middle", class: "tick" });
      // The step under the pointer is the chosen one.
      pen.svg.onpointermove = (event) => {
        const at = Math.floor((event.offsetX - LEFT) / wide) + 1;
        if (at < 1 || at > last || at === slider.get()) return;
        slider.set(at);
        show();
      };
      pen.svg.onpointerdown = pen.svg.onpointermove;
    }

    show();
  }

  return { widget, shade, heard };
})();
Widgets.connected = Connected.widget;
