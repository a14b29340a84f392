// The cells' equations, and their gradients: a step is written once, on a tape that can be read back.
"use strict";

const Equations = (() => {
  const sigmoid = (a) => (a < 0 ? Math.exp(a) / (1 + Math.exp(a)) : 1 / (1 + Math.exp(-a)));
  const squares = (e) => e / (1 + e) ** 2;
  // Each with its derivative, in the form that survives saturation.
  const CURVES = {
    sigmoid: [sigmoid, (a) => squares(Math.exp(-Math.abs(a)))],
    tanh: [Math.tanh, (a) => 4 * squares(Math.exp(-2 * Math.abs(a)))],
    relu: [(a) => Math.max(a, 0), (a) => +(a > 0)],
    identity: [(a) => a, () => 1],
  };

  // One step's values, and how to send slopes back through them; nothing is remembered unless asked for.
  class Tape {
    constructor(remembers) {
      this.back = remembers ? [] : null;
    }

    node(value) {
      return { value, slope: this.back && new Float64Array(value.length) };
    }

    made(size, entry, back) {
      const value = new Float64Array(size);
      for (let i = 0; i < size; i++) value[i] = entry(i);
      const node = this.node(value);
      this.back?.push(() => back(node.slope));
      return node;
    }

    // W a, for the matrix of N x N numbers that begins at `from`.
    product(weights, from, a) {
      const size = a.value.length;
      const entry = (i) => {
        let sum = 0;
        const row = from + i * size;
        for (let j = 0; j < size; j++) sum += weights[row + j] * a.value[j];
        return sum;
      };
      return this.made(size, entry, (slope) => {
        for (let i = 0; i < size; i++) {
          const row = from + i * size;
          for (let j = 0; j < size; j++) a.slope[j] += weights[row + j] * slope[i];
        }
      });
    }

    plus(a, b) {
      return this.made(a.value.length, (i) => a.value[i] + b.value[i], (slope) => {
        for (let i = 0; i < slope.length; i++) {
          a.slope[i] += slope[i];
          b.slope[i] += slope[i];
        }
      });
    }

    times(a, b) {
      return this.made(a.value.length, (i) => a.value[i] * b.value[i], (slope) => {
        for (let i = 0; i < slope.length; i++) {
          a.slope[i] += slope[i] * b.value[i];
          b.slope[i] += slope[i] * a.value[i];
        }
      });
    }

    // f(sign a), for a curve.
    curve(name, a, sign = 1) {
      const [f, derivative] = CURVES[name];
      return this.made(a.value.length, (i) => f(sign * a.value[i]), (slope) => {
        for (let i = 0; i < slope.length; i++) a.slope[i] += sign * slope[i] * derivative(sign * a.value[i]);
      });
    }
  }

  // Of a step: the new state, and the gates, from the state before; `given[k]` is U_k x + b_k.
  const STEPS = {
    elman({ tape, settings, product }, { h }, given) {
      return { h: tape.curve(settings.activation, tape.plus(product(0, h), given[0])) };
    },

    gru({ tape, settings, product, own }, { h }, given) {
      const r = tape.curve("sigmoid", tape.plus(product(0, h), given[0]));
      const a = tape.plus(product(1, h), given[1]);
      const felt = () => (settings.reset === "after_bias" ? tape.plus(product(2, h), own("b_rec")) : product(2, h));
      const sent = settings.reset === "before" ? product(2, tape.times(r, h)) : tape.times(r, felt());
      const n = tape.curve("tanh", tape.plus(sent, given[2]));
      const z = tape.curve("sigmoid", a);
      return { h: tape.plus(tape.times(z, h), tape.times(tape.curve("sigmoid", a, -1), n)), r, z };
    },

    lstm({ tape, settings, product }, { h, c }, given) {
      const order = Object.entries({ i: settings.input_gate, f: settings.forget_gate, g: "true", o: settings.output_gate });
      const names = order.filter(([, is]) => is === "true").map(([name]) => name);
      const gates = {};
      names.forEach((name, k) => {
        const curve = name !== "g" ? "sigmoid" : settings.input_activation === "true" ? "tanh" : "identity";
        gates[name] = tape.curve(curve, tape.plus(product(k, h), given[k]));
      });
      const { i, f, g, o } = gates;
      const memory = tape.plus(f ? tape.times(f, c) : c, i ? tape.times(i, g) : g);
      const shown = settings.output_activation === "true" ? tape.curve("tanh", memory) : memory;
      return { ...gates, h: o ? tape.times(o, shown) : shown, c: memory };
    },
  };

  // One step of a cell from the values of its state; `tape` ends with all that `back` needs.
  function step(cell, state, code, remembers) {
    const { hidden, step: settings, weights, starts } = cell;
    const tape = new Tape(remembers);
    const size = hidden * hidden;
    const product = (k, a) => tape.product(weights.w_rec, k * size, a);
    const own = (name) => tape.node(Float64Array.from(weights[name]));
    const symbols = weights.w_in.length / weights.b.length;
    const given = Array.from({ length: weights.b.length / hidden }, (_, k) => {
      const entry = (i) => weights.w_in[(k * hidden + i) * symbols + code] + weights.b[k * hidden + i];
      return tape.node(Float64Array.from({ length: hidden }, (_, i) => entry(i)));
    });
    const before = Object.fromEntries(Object.keys(starts).map((leaf) => [leaf, tape.node(state[leaf])]));
    const after = STEPS[settings.step]({ tape, settings, product, own }, before, given);
    const values = Object.fromEntries(Object.entries(after).map(([name, node]) => [name, node.value]));
    return { tape, before, given, after, values };
  }

  // The state that the step of a character starts from, where the page keeps one.
  function start(cell, anchor) {
    const leaves = Object.entries(cell.starts);
    return Object.fromEntries(
      leaves.map(([leaf, values]) => [leaf, Float64Array.from(values.subarray(anchor * cell.hidden, (anchor + 1) * cell.hidden))]),
    );
  }

  // |U^T slopes|, the norm over all symbols that could have been read.
  function inputNorm(cell, given) {
    const { weights, hidden } = cell;
    const symbols = weights.w_in.length / weights.b.length;
    const sums = new Float64Array(symbols);
    given.forEach(({ slope }, k) => {
      for (let i = 0; i < hidden; i++) {
        const row = (k * hidden + i) * symbols;
        if (slope[i]) for (let s = 0; s < symbols; s++) sums[s] += weights.w_in[row + s] * slope[i];
      }
    });
    return Math.sqrt(sums.reduce((sum, one) => sum + one * one, 0));
  }

  // The steps of characters from `from` to `to`, from the last state kept before them on; at each kept state that
  // they come by they go on from that. `drift` is how far from it they had come at most.
  function* steps(cell, codes, from, to, anchored, remembered) {
    let state = start(cell, Math.floor(from / anchored));
    for (let k = Math.floor(from / anchored) * anchored; k <= to; k++) {
      const kept = k % anchored ? state : start(cell, k / anchored);
      const drift = Math.max(...Object.entries(kept).map(([leaf, values]) => farthest(values, state[leaf])));
      const made = step(cell, kept, codes[k], k >= remembered);
      state = made.values;
      yield { at: k, drift, ...made };
    }
  }

  const farthest = (a, b) => a.reduce((most, one, i) => Math.max(most, Math.abs(one - b[i]) / (1 + Math.abs(one))), 0);

  // By lag, log10 |d logit(symbol) after character t / d x at t - lag|, minus infinity for an exact zero; how far
  // the states have drifted from those that were kept; and the last of them.
  function gradient(cell, codes, t, symbol, anchored) {
    const first = Math.max(0, t - cell.lags);
    const made = [...steps(cell, codes, first, t, anchored, first)].filter(({ at }) => at >= first);
    const drift = Math.max(...made.map((one) => one.drift));
    const { values: last } = made[made.length - 1];
    let slopes = { h: Float64Array.from(cell.weights.out.subarray(symbol * cell.hidden, (symbol + 1) * cell.hidden)) };
    let exponent = 0;
    const logs = [];
    while (made.length) {
      const { tape, before, given, after } = made.pop();
      for (const [leaf, slope] of Object.entries(slopes)) after[leaf].slope.set(slope);
      while (tape.back.length) tape.back.pop()();
      logs.push(Math.log10(inputNorm(cell, given)) + exponent * Math.log10(2));
      // Powers of two are taken out at every step: no norm is lost below 1e-308.
      const largest = Math.max(...Object.values(before).map(({ slope }) => slope.reduce((most, one) => Math.max(most, Math.abs(one)), 0)));
      const shift = largest > 0 && Number.isFinite(largest) ? Math.max(-1000, Math.floor(Math.log2(largest))) : 0;
      exponent += shift;
      slopes = Object.fromEntries(Object.entries(before).map(([leaf, { slope }]) => [leaf, slope.map((one) => one * 2 ** -shift)]));
    }
    return { logs, drift, last };
  }

  // What each state and gate was after the characters of one stretch that begins with a kept state.
  function* replay(cell, codes, anchor, anchored) {
    const end = Math.min(codes.length, (anchor + 1) * anchored) - 1;
    for (const { at, values } of steps(cell, codes, anchor * anchored, end, anchored, Infinity)) yield [at, values];
  }

  return { gradient, replay };
})();
