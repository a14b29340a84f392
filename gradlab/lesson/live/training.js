// A tanh network and an LSTM that learn to remember a first symbol, with what each step hears of the error.
"use strict";

const Training = (() => {
  const LOOKS = ["one", "two"];
  const FAINT = -10;
  const sigma = (a) => 1 / (1 + Math.exp(-a));

  // The numbers in [0, 1) at some places of a stream (mulberry32).
  function uniform(salt, place) {
    const z = (Math.imul(place, 0x6d2b79f5) + salt) >>> 0;
    let t = Math.imul(z ^ (z >>> 15), z | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  // One sequence of an update: the class, -1 or 1, then noise.
  function sequence({ salt, batch, longest, noise }, update, one, T) {
    const first = (update * batch + one) * longest;
    return Float64Array.from({ length: T }, (_, t) => {
      const u = uniform(salt, first + t);
      return t === 0 ? (u < 0.5 ? -1 : 1) : noise * (2 * u - 1);
    });
  }

  // A step forward of unit n from what goes into its gates: [h, c, and what the way back needs].
  const forward = {
    1: ([a]) => ({ h: Math.tanh(a), c: 0 }),
    4: ([i, f, g, o], held) => {
      const made = { i: sigma(i), f: sigma(f), g: Math.tanh(g), o: sigma(o), held };
      const c = made.f * held + made.i * made.g;
      const shown = Math.tanh(c);
      return { ...made, c, shown, h: made.o * shown };
    },
  };
  // From dL/dh' and dL/dc' of unit n to those of what goes into its gates, and dL/dc.
  const back = {
    1: ({ h }, byH) => [[byH * (1 - h * h)], 0],
    4: ({ i, f, g, o, held, shown }, byH, byC) => {
      const by = byC + byH * o * (1 - shown * shown);
      return [[by * g * i * (1 - i), by * held * f * (1 - f), by * i * (1 - g * g), byH * shown * o * (1 - o)], by * f];
    },
  };

  // L = ln(1 + exp(-y z)) of one sequence; adds dL/dweights to `by` and |dL/dh_t| to `sizes`, shared out by `batch`.
  function send([W, U, b, out, bias], gates, N, xs, by, sizes, batch) {
    const T = xs.length;
    const states = [Array.from({ length: N }, () => ({ h: 0, c: 0 }))];
    for (let t = 0; t < T; t += 1) {
      const before = states[t];
      states.push(before.map(({ c }, n) => {
        const into = [];
        for (let k = 0; k < gates; k += 1) {
          const at = k * N + n;
          let a = U[at] * xs[t] + b[at];
          for (let m = 0; m < N; m += 1) a += W[at * N + m] * before[m].h;
          into.push(a);
        }
        return forward[gates](into, c);
      }));
    }
    const z = states[T].reduce((sum, { h }, n) => sum + out[n] * h, bias[0]);
    const margin = xs[0] * z;
    const byZ = -xs[0] / (1 + Math.exp(margin));
    let byH = Array.from(out, (one) => byZ * one);
    let byC = byH.map(() => 0);
    states[T].forEach(({ h }, n) => (by[3][n] += (byZ * h) / batch));
    by[4][0] += byZ / batch;
    for (let t = T - 1; t >= 0; t -= 1) {
      sizes[t] += Math.sqrt(byH.reduce((sum, one) => sum + one * one, 0)) / batch;
      const [before, after, heard] = [states[t], states[t + 1], new Array(N).fill(0)];
      byC = byC.map((sent, n) => {
        const [into, kept] = back[gates](after[n], byH[n], sent);
        for (let k = 0; k < gates; k += 1) {
          const [at, a] = [k * N + n, into[k]];
          by[1][at] += (a * xs[t]) / batch;
          by[2][at] += a / batch;
          for (let m = 0; m < N; m += 1) {
            by[0][at * N + m] += (a * before[m].h) / batch;
            heard[m] += a * W[at * N + m];
          }
        }
        return kept;
      });
      byH = heard;
    }
    return margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin;
  }

  // The loss of an update's sequences, its gradient, and the mean |dL/dh_t| by step.
  function slope(facts, { weights, gates }, update, T) {
    const by = weights.map((part) => new Float64Array(part.length));
    const sizes = new Float64Array(T);
    let loss = 0;
    for (let one = 0; one < facts.batch; one += 1) loss += send(weights, gates, facts.N, sequence(facts, update, one, T), by, sizes, facts.batch) / facts.batch;
    return { loss, by, sizes: [...sizes] };
  }

  // Adam from the first weights on; `at(update)` is what was seen before that update, computed when it is asked for.
  function course(facts, cell, T) {
    const [first, second, tiny] = facts.adam;
    const now = { gates: cell.gates, weights: cell.weights.map((part) => Float64Array.from(part)) };
    const [means, squares] = [0, 1].map(() => now.weights.map((part) => new Float64Array(part.length)));
    const seen = [];
    function step() {
      const t = seen.length + 1;
      const { loss, by, sizes } = slope(facts, now, seen.length, T);
      by.forEach((part, p) => part.forEach((g, k) => {
        means[p][k] = first * means[p][k] + (1 - first) * g;
        squares[p][k] = second * squares[p][k] + (1 - second) * g * g;
        now.weights[p][k] -= (facts.rate * (means[p][k] / (1 - first ** t))) / (Math.sqrt(squares[p][k] / (1 - second ** t)) + tiny);
      }));
      seen.push({ loss, sizes });
    }
    const at = (update) => {
      while (seen.length <= update) step();
      return seen[update];
    };
    return { at, losses: (update) => (at(update), seen.slice(0, update + 1).map(({ loss }) => loss)) };
  }

  function widget(box, facts) {
    const T = Controls.slider(box, { name: "T", unit: Words.say("steps"), low: 2, high: facts.longest, step: 1, value: facts.T }, changed);
    let learning;
    const anew = () => (learning = facts.cells.map((cell) => course(facts, cell, T.get())));
    anew();
    const player = Controls.player(box, { last: () => facts.updates - 1, shown: (at) => (tell(at), bars(), curves()), pace: 30 });
    Controls.legend(box, facts.cells.map(({ name }, k) => [name, LOOKS[k]]));
    const told = Controls.line(box);
    const bars = Drawn.stage(box, 92 * facts.cells.length + 26, Words.say("bars_label"), drawBars);
    const curves = Drawn.stage(box, 190, Words.say("losses_label"), drawCurves);

    function changed() {
      anew();
      player.go(0);
    }

    function outcome(losses) {
      const last = losses.slice(-facts.last);
      const share = last.reduce((sum, one) => sum + one, 0) / last.length / facts.chance;
      if (share < facts.learned) return "learned";
      return share < facts.part ? "learned_a_part" : "not_learned";
    }

    function tell(at) {
      const each = learning.map((one, k) => {
        const { loss, sizes } = one.at(at);
        const arrives = sizes[0] > 0 ? Drawn.ten(Math.log10(sizes[0]) - Math.log10(sizes[sizes.length - 1])) : "0";
        const key = at + 1 === facts.updates ? outcome(one.losses(at)) : "learning";
        return Words.say(key, { name: facts.cells[k].name, loss: Drawn.number(loss), arrives, steps: T.get() });
      });
      told(Words.say("training_told", { update: at + 1, updates: facts.updates, each: each.join(" "), guess: Drawn.number(facts.chance) }));
    }

    function drawBars(pen) {
      const [left, right, high] = [54, pen.width - 16, 66];
      const wide = (right - left) / T.get();
      learning.forEach((one, row) => {
        const foot = 92 * row + 20 + high;
        pen.text(facts.cells[row].name, left, foot - high - 8, { class: LOOKS[row], fill: "currentColor" });
        for (const power of [0, FAINT]) {
          const words = pen.text("10", left - 7, foot - high * (1 - power / FAINT) + 4, { "text-anchor": "end", class: "tick" });
          words.append(Elements.make("svg:tspan", { dy: "-5", "font-size": "9" }, String(power).replace("-", "−")));
        }
        pen.line([[left, foot], [right, foot]], { class: "now" });
        one.at(player.at()).sizes.forEach((size, t) => {
          const tall = high * Math.max(0, Math.min(1, 1 - Math.log10(size || 1e-300) / FAINT));
          pen.box(left + t * wide + 0.5, foot - tall, wide - 1, tall, { class: LOOKS[row], fill: "currentColor" });
        });
      });
      const name = (words, t) => pen.text(words, left + (t - 0.5) * wide, pen.height - 6, { "text-anchor": "middle", class: "tick" });
      name("1", 1);
      name(`${T.get()}`, T.get());
      pen.text(Words.say("step_t"), (left + right) / 2, pen.height - 6, { "text-anchor": "middle", class: "tick" });
    }

    function drawCurves(pen) {
      const losses = learning.map((one) => one.losses(player.at()));
      const high = Math.max(1, ...losses.flat());
      const { px, py, left, right } = Drawn.axes(pen, { x: [1, facts.updates], y: [0, high], names: [Words.say("update"), Words.say("loss")] });
      pen.line([[left, py(facts.chance)], [right, py(facts.chance)]], { class: "now" });
      losses.forEach((every, k) => {
        pen.line(every.map((loss, at) => [px(at + 1), py(loss)]), { class: `curve ${LOOKS[k]}` });
        pen.circle(px(every.length), py(every[every.length - 1]), 4, { class: `dot ${LOOKS[k]}` });
      });
    }

    tell(0);
  }

  return { widget, uniform, slope, course };
})();
Widgets.training = Training.widget;
