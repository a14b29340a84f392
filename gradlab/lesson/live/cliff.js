// Two descents on the error surface of one unit, for any rate and threshold; derivatives run forward with the state.
"use strict";

const Cliff = (() => {
  const [ACROSS, UP] = [120, 90];
  const sigma = (h) => 1 / (1 + Math.exp(-h));

  // E = (σ(h_T) - target)^2 of h_t = w σ(h_{t-1}) + b, and its derivatives by w and b.
  function error({ start, steps, target }, w, b) {
    let [h, byW, byB] = [start, 0, 0];
    for (let t = 0; t < steps; t += 1) {
      const s = sigma(h);
      const gain = w * s * (1 - s);
      [h, byW, byB] = [w * s + b, s + gain * byW, 1 + gain * byB];
    }
    const s = sigma(h);
    const sent = 2 * (s - target) * s * (1 - s);
    return { E: (s - target) ** 2, w: sent * byW, b: sent * byB };
  }

  // Where the start is the point between the two resting places.
  const wall = ({ start }, w) => start - w * sigma(start);

  // The places of a descent, the start first, each with its E; a gradient longer than `limit` is shortened to it.
  function walk(facts, rate, limit) {
    let [w, b] = [facts.w, facts.b];
    return Array.from({ length: facts.moves + 1 }, () => {
      const by = error(facts, w, b);
      const here = { w, b, E: by.E };
      const size = Math.hypot(by.w, by.b);
      const scale = rate * (size > limit ? limit / size : 1);
      [w, b] = [w - scale * by.w, b - scale * by.b];
      return here;
    });
  }

  // How steep it is, as a picture: the darker, the steeper, on a logarithmic scale.
  function picture(facts) {
    const [[w0, w1], [b0, b1]] = facts.ranges;
    const logs = Array.from({ length: ACROSS * UP }, (_, k) => {
      const by = error(facts, w0 + ((k % ACROSS) + 0.5) / ACROSS * (w1 - w0), b1 - (Math.floor(k / ACROSS) + 0.5) / UP * (b1 - b0));
      return Math.log10(Math.hypot(by.w, by.b) || 1e-300);
    });
    const order = [...logs].sort((x, y) => x - y);
    const [low, high] = [order[Math.floor(order.length / 50)], order[order.length - 1]];
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [ACROSS, UP];
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(ACROSS, UP);
    logs.forEach((log, k) => image.data.set([70, 130, 200, 235 * Math.max(0, (log - low) / (high - low))], 4 * k));
    pen.putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  function widget(box, facts) {
    const near = (at) => Number((10 ** at).toPrecision(2));
    const logarithmic = (name, low, high, value) =>
      Controls.slider(box, { name, low, high, step: 0.05, value: Math.log10(value).toFixed(2), turn: near }, changed);
    const rate = logarithmic(Words.say("rate"), -3, 0, facts.rate);
    const limit = logarithmic(Words.say("threshold"), -2, 1, facts.limit);
    const walks = () => [walk(facts, rate.get(), Infinity), walk(facts, rate.get(), limit.get())];
    let found = walks();
    const player = Controls.player(box, { last: () => facts.moves, shown: (at) => (tell(at), redraw()) });
    Controls.legend(box, [[Words.say("plain_descent"), "two"], [Words.say("clipped_descent"), "three"]]);
    const told = Controls.line(box);
    const seen = picture(facts);
    const cut = `${box.parentElement.id}-cut`;
    const redraw = Drawn.stage(box, (width) => Math.min(340, 0.75 * width + 40), Words.say("cliff_label"), draw);

    function changed() {
      found = walks();
      player.go(player.at());
    }

    function tell(at) {
      const [plain, clipped] = found.map((walk) => walk[at]);
      const place = ({ w, b, E }) => `w = ${Drawn.number(w)}, b = ${Drawn.number(b)}, E = ${Drawn.number(E)}`;
      told(Words.say("cliff_told", { at, moves: facts.moves, plain: place(plain), clipped: place(clipped) }));
    }

    function draw(pen) {
      const [x, y] = facts.ranges;
      const { px, py, left, right, top, bottom } = Drawn.axes(pen, { x, y, names: ["w", "b"] });
      pen.put("clipPath", { id: cut }, Elements.make("svg:rect", { x: left, y: top, width: right - left, height: bottom - top }));
      const inside = { "clip-path": `url(#${cut})` };
      pen.put("image", { href: seen, x: left, y: top, width: right - left, height: bottom - top, preserveAspectRatio: "none" });
      pen.line(x.map((w) => [px(w), py(wall(facts, w))]), { class: "now", ...inside });
      found.forEach((walk, k) => {
        const look = ["two", "three"][k];
        const places = walk.slice(0, player.at() + 1).map(({ w, b }) => [px(w), py(b)]);
        pen.line(places, { class: `curve ${look}`, ...inside });
        pen.circle(...places[places.length - 1], 4.5, { class: `dot ${look}`, ...inside });
      });
    }

    tell(0);
  }

  return { widget, walk, error };
})();
Widgets.cliff = Cliff.widget;
