// One error term sent back: a linear unit, a tanh unit and a network of tanh units, for any w and T.
"use strict";

const Powers = (() => {
  // The largest singular value of a square matrix (rows), by Jacobi rotations of its columns.
  function stretch(rows) {
    const n = rows.length;
    const columns = Array.from({ length: n }, (_, j) => rows.map((row) => row[j]));
    const dot = (a, b) => a.reduce((sum, one, k) => sum + one * b[k], 0);
    for (let sweep = 0, turned = true; turned && sweep < 60; sweep += 1) {
      turned = false;
      for (let i = 0; i < n; i += 1) {
        for (let j = i + 1; j < n; j += 1) {
          const [a, b] = [columns[i], columns[j]];
          const [p, q, r] = [dot(a, a), dot(b, b), dot(a, b)];
          if (Math.abs(r) <= 1e-11 * Math.sqrt(p * q) || r === 0) continue;
          turned = true;
          const zeta = (q - p) / (2 * r);
          const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
          const c = 1 / Math.hypot(1, t);
          for (let k = 0; k < n; k += 1) [a[k], b[k]] = [c * (a[k] - t * b[k]), c * (t * a[k] + b[k])];
        }
      }
    }
    return Math.sqrt(Math.max(...columns.map((one) => dot(one, one))));
  }

  // The slopes 1 - h^2 of every step 1..T of h_t = tanh(w W h_{t-1} + U x_t), from h_0 = 0.
  function slopes({ W, U }, xs, w, T) {
    let h = U.map(() => 0);
    return Array.from({ length: T }, (_, t) => {
      h = W.map((row, i) => Math.tanh(w * row.reduce((sum, one, j) => sum + one * h[j], 0) + U[i] * xs[t]));
      return h.map((one) => 1 - one * one);
    });
  }

  // log10 of the largest singular value of dh_T/dh_t by lag T - t, multiplied from the last step back.
  function transport(network, xs, w, T) {
    const n = network.W.length;
    const W = network.W.map((row) => row.map((one) => w * one));
    let product = W.map((_, i) => W.map((_, j) => Number(i === j)));
    let exponent = 0;
    const logs = [0];
    for (const slope of slopes(network, xs, w, T).reverse()) {
      product = product.map((row) => {
        const scaled = row.map((one, k) => one * slope[k]);
        return Array.from({ length: n }, (_, j) => scaled.reduce((sum, one, k) => sum + one * W[k][j], 0));
      });
      // Powers of two are taken out at every step: nothing is lost below 1e-308.
      const largest = Math.max(...product.flat().map(Math.abs));
      const shift = largest > 0 ? Math.floor(Math.log2(largest)) : 0;
      exponent += shift;
      product = product.map((row) => row.map((one) => one * 2 ** -shift));
      logs.push(Math.log10(stretch(product)) + exponent * Math.log10(2));
    }
    return logs;
  }

  // The three lines of the figure.
  const lines = ({ one, many, xs }, w, T) => ({
    law: Array.from({ length: T + 1 }, (_, lag) => lag * Math.log10(w)),
    one: transport(one, xs, w, T),
    many: transport(many, xs, w, T),
  });

  function widget(box, facts) {
    const names = [[Words.say("power"), "one"], [Words.say("one_unit"), "two"], [Words.say("many_units", { units: facts.many.W.length }), "three"]];
    const w = Controls.slider(box, { name: "w", low: 0.5, high: 1.5, step: 0.01, value: facts.w }, changed);
    const T = Controls.slider(box, { name: "T", unit: Words.say("steps"), low: 5, high: facts.xs.length, step: 1, value: facts.T }, changed);
    let found = lines(facts, w.get(), T.get());
    const player = Controls.player(box, { last: T.get, shown: (at) => (tell(at), redraw()) });
    Controls.legend(box, names);
    const told = Controls.line(box);
    const redraw = Drawn.stage(box, 260, Words.say("powers_label"), draw);

    function changed() {
      found = lines(facts, w.get(), T.get());
      player.go(Math.min(player.at(), T.get()));
    }

    function tell(at) {
      const [law, one, many] = Object.values(found).map((logs) => Drawn.ten(logs[at]));
      told(Words.say(at === 0 ? "last_step" : "earlier_step", { lag: at, step: T.get() - at, steps: T.get(), law, one, many }));
    }

    function draw(pen) {
      const every = Object.values(found).flat().filter(Number.isFinite);
      const [low, high] = [Math.min(-1, ...every), Math.max(1, ...every)];
      const { px, py, top, bottom } = Drawn.axes(pen, { x: [0, T.get()], y: [low, high], names: [Words.say("lag"), Words.say("transport")], powers: true });
      const at = player.at();
      pen.line([[px(at), top], [px(at), bottom]], { class: "now" });
      Object.values(found).forEach((logs, k) => {
        const look = names[k][1];
        const known = logs.map((log, lag) => [px(lag), py(log)]).filter(([, y]) => Number.isFinite(y));
        pen.line(known, { class: `curve ${look}` });
        if (Number.isFinite(logs[at])) pen.circle(px(at), py(logs[at]), 4, { class: `dot ${look}` });
      });
    }

    tell(0);
  }

  return { widget, lines };
})();
Widgets.powers = Powers.widget;
