// One step of an LSTM of one unit, its gates under a hand, and how much of an error each way lets back.
"use strict";

const Gates = (() => {
  const MANY = 10;
  const WIDEST = 18;

  // c' = f c + i g and h' = o tanh(c'), with dc'/dc, dc'/dg and dh'/dc', the gates held.
  function step({ c, g }, { f, i, o }) {
    const after = f * c + i * g;
    const squashed = Math.tanh(after);
    return { c: after, h: o * squashed, kept: f, written: i, shown: o * (1 - squashed ** 2) };
  }

  function widget(box, { words, steps }) {
    const given = (at) => ({ c: at > 0 ? steps[at - 1].c : 0, g: steps[at].g });
    const sliders = Object.fromEntries(["f", "i", "o"].map((name) => [name, Controls.slider(box, { name, low: 0, high: 1, step: 0.01, value: steps[0][name] }, () => show())]));
    const gates = () => Object.fromEntries(Object.entries(sliders).map(([name, slider]) => [name, slider.get()]));
    let now = 0;
    const player = Controls.player(box, { last: () => words.length - 1, shown: take, pace: 1200 });
    const told = Controls.line(box);
    const redraw = Drawn.stage(box, 236, Words.say("gates_label"), draw);

    // The gates that the trained unit has at a word.
    function take(at) {
      now = at;
      for (const [name, slider] of Object.entries(sliders)) slider.set(steps[at][name]);
      show();
    }

    function show() {
      const set = gates();
      const made = step(given(now), set);
      const n = (value) => Drawn.number(Math.abs(value) < 5e-3 ? 0 : value, 2);
      const moved = { at: now + 1, count: words.length, word: words[now], before: n(given(now).c), after: n(made.c), h: n(made.h) };
      const back = { kept: n(made.kept), written: n(made.written), shown: n(made.shown), many: MANY, left: Drawn.number(set.f ** MANY, 2) };
      told(Words.say("gates_told", { ...moved, ...back }));
      redraw();
    }

    function draw(pen) {
      const made = step(given(now), gates());
      const [left, right, top, low, foot] = [44, pen.width - 44, 50, 130, 200];
      const [f, plus, out] = [0.26, 0.5, 0.74].map((share) => left + share * (right - left));
      const band = (points, share) => share > 0 && pen.line(points, { class: "back", "stroke-width": WIDEST * Math.min(1, share) });
      band([[right, top], [f, top]], 1);
      band([[f, top], [left, top]], made.kept);
      band([[plus, top], [plus, low]], 1);
      band([[plus, low], [plus, foot - 14]], made.written);
      band([[right, foot], [out, foot], [out, low]], 1);
      band([[out, low], [out, top]], made.shown);
      for (const way of [[[left, top], [right, top]], [[plus, foot - 14], [plus, top]], [[out, top], [out, foot], [right, foot]]]) pen.line(way, { class: "way" });
      const valve = (x, y, words, side = "start") => {
        pen.circle(x, y, 11, { class: "valve" });
        pen.text(words[0], x, y + 4, { "text-anchor": "middle" });
        if (words[1]) pen.text(words[1], x + (side === "start" ? 17 : -17), y - 15, { "text-anchor": side, class: "tick" });
      };
      const set = gates();
      const opened = (gate) => Words.written(gate.toFixed(2));
      valve(f, top, ["×", `f = ${opened(set.f)}`]);
      valve(plus, top, ["+"]);
      valve(plus, low, ["×", `i = ${opened(set.i)}`], "end");
      valve(out, low, ["×", `o = ${opened(set.o)}`]);
      const name = (words, x, y) => pen.text(words, x, y, { "text-anchor": "middle", class: "end" });
      name("c", left - 22, top + 4);
      name(Words.say("new_c"), right + 22, top + 4);
      name("h", right + 22, foot + 4);
      name(Words.say("candidate"), plus, foot + 6);
      pen.text("tanh", out + 17, top + 36, { class: "tick" });
    }

    take(0);
  }

  return { widget, step };
})();
Widgets.gates = Gates.widget;
