// One character: what the units hold there, what the network expected next, and the gradient back from there.
"use strict";

const Place = (() => {
  const { byId, make, number, signed, percent, power, raised, terms } = Elements;
  const WIDTH = 560, HEIGHT = 190, LEFT = 44, RIGHT = 10, TOP = 10, BOTTOM = 30;
  const FALL = 3;
  // What is farther from the states of the run than a few roundings of weights was not computed as the run did.
  const DRIFT = 0.05;

  const unitName = ({ cell, row }) => `${cell.cell} ${cell.units.unit[row]}`;

  function valueOf({ cell, part, index }, at) {
    if (part.array === null) Study.need(cell, at, at + 1, Infinity);
    return Study.value(cell, part, index, at);
  }

  // Line and column, counted from 1, within the file.
  function where(at) {
    const file = Study.fileAt(at);
    let [line, column] = [1, 1];
    for (let i = file?.start ?? 0; i < at; i++) {
      const ends = Study.symbols[Study.codes[i]] === "\n";
      line += ends;
      column = ends ? 1 : column + 1;
    }
    return `line ${line}, column ${column}${file ? ` of ${file.name}` : ""}`;
  }

  const labelsAt = (at) =>
    Study.labels.filter((label) => label.values[at]).map((label) => (label.kind === "binary" ? label.name : `${label.name} ${label.values[at]}`));

  function outcome({ came, place, bits }) {
    if (came === null) return "The text ends here.";
    return `Next came ${Study.named[came]}: rank ${place}, ${number(bits, 1)} bits.`;
  }

  function tip(panes, at, x, y) {
    const box = byId("tip");
    const values = panes.map((pane) => make("div", {}, `${unitName(pane)} `, make("strong", {}, signed(valueOf(pane, at)))));
    const found = Study.predictions(panes[0].cell, at);
    const next = found.ranks.map(({ symbol, probability }) => `${Study.seen[symbol]} ${percent(probability)}`).join("   ");
    const held = labelsAt(at).join(", ");
    const lines = [make("div", {}, make("strong", {}, Study.named[Study.codes[at]]), ` at ${at}`), ...values];
    if (held) lines.push(make("div", { class: "quiet" }, held));
    lines.push(make("div", { class: "next" }, next), make("div", {}, outcome(found)));
    box.replaceChildren(...lines);
    box.hidden = false;
    const [width, height] = [box.offsetWidth, box.offsetHeight];
    box.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - width - 6))}px`;
    box.style.top = `${y + 22 + height < innerHeight ? y + 22 : Math.max(4, y - height - 12)}px`;
  }

  const untip = () => (byId("tip").hidden = true);

  // The last lag at which the gradient is a thousandth of its largest or more.
  function felt(logs) {
    const most = Math.max(...logs);
    return logs.findLastIndex((log) => log >= most - FALL);
  }

  function sentence({ cell, gradient }) {
    const { logs, at, symbol } = gradient;
    const largest = logs.indexOf(gradient.most);
    if (gradient.most === -Infinity) return `${cell.cell}: the logit of ${Study.named[symbol]} has no gradient here: exactly zero.`;
    const last = felt(logs);
    const end = last === logs.length - 1 ? `stays above a thousandth of that over all ${last} characters` : `falls below a thousandth of that for good after lag ${last}`;
    const doubt = gradient.drift > DRIFT ? ` The states computed here are up to ${number(gradient.drift)} off those of the run: with weights in float16 this cell goes another way, and the gradient is that of this other way.` : "";
    return `${cell.cell}: the gradient of the logit of ${Study.named[symbol]} is largest at lag ${largest} (${Study.named[Study.codes[at - largest]]}), ${power(gradient.most)}, and ${end}.${doubt}`;
  }

  // log10 of the gradient over lag; dashed, the median over places of the run.
  function chart(panes) {
    const curves = panes.flatMap(({ cell, gradient }, k) => [
      { values: gradient.logs, class: `pane${k}` },
      { values: cell.influence.map((one) => (one === "-inf" ? -Infinity : one)), class: `pane${k} median` },
    ]);
    const finite = curves.flatMap(({ values }) => values.filter(Number.isFinite));
    if (!finite.length) return null;
    const [low, high] = [Math.floor(Math.min(...finite)), Math.ceil(Math.max(...finite) + 0.01)];
    const lags = Math.max(...curves.map(({ values }) => values.length)) - 1;
    const across = (lag) => LEFT + ((WIDTH - LEFT - RIGHT) * lag) / Math.max(1, lags);
    const down = (log) => TOP + ((HEIGHT - TOP - BOTTOM) * (high - log)) / (high - low);
    const line = ({ values, class: name }) => {
      const points = values.flatMap((log, lag) => (Number.isFinite(log) ? [`${across(lag).toFixed(1)},${down(log).toFixed(1)}`] : []));
      return make("svg:polyline", { points: points.join(" "), class: name });
    };
    const rule = Math.max(1, Math.ceil((high - low) / 6));
    const marks = [];
    for (let log = high; log >= low; log -= rule) {
      marks.push(make("svg:line", { x1: LEFT, x2: WIDTH - RIGHT, y1: down(log), y2: down(log) }));
      const text = make("svg:text", { x: LEFT - 6, y: down(log) + 4, "text-anchor": "end" }, "10");
      text.append(make("svg:tspan", { dy: -5, "font-size": 8 }, number(log, 0)));
      marks.push(text);
    }
    for (const lag of [0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(share * lags))) {
      marks.push(make("svg:text", { x: across(lag), y: HEIGHT - 12, "text-anchor": lag === lags ? "end" : "middle" }, lag));
    }
    marks.push(make("svg:text", { x: WIDTH - RIGHT, y: HEIGHT - 1, "text-anchor": "end" }, "lag, characters back"));
    const named = "log10 of the gradient over lag; the sentences above say its size and how far it reaches";
    return make("svg:svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": named }, ...marks, ...curves.map(line));
  }

  function choices(pane, at, symbol, choose) {
    const found = Study.predictions(pane.cell, at);
    const offered = found.ranks.map(({ symbol: one, probability }) => [one, `${Study.seen[one]} ${percent(probability)}`]);
    if (found.came !== null && !offered.some(([one]) => one === found.came)) offered.push([found.came, `${Study.seen[found.came]} came`]);
    const button = ([one, text]) =>
      make("button", { type: "button", "aria-pressed": String(one === symbol), "aria-label": `Gradient of ${Study.named[one]}, ${text.split(" ").slice(1).join(" ")}`, class: one === found.came ? "came" : null, onclick: () => choose(one) }, text);
    return make("p", { class: "choices" }, ...offered.map(button));
  }

  // The card of the marked character.
  function card(panes, at, choose) {
    const found = Study.predictions(panes[0].cell, at);
    const values = panes.map((pane) => [unitName(pane), signed(valueOf(pane, at))]);
    const held = labelsAt(at);
    if (held.length) values.push(["inside", held.join(", ")]);
    const drawn = panes.filter(({ gradient }) => gradient);
    const followed = (pane) => (pane.gradient ? sentence(pane) : `${pane.cell.cell}: the page does not hold its equations, so it cannot follow the gradient back.`);
    const said = [...new Set(panes.map(followed))];
    const heading = make("h2", { tabindex: -1 }, `${Study.named[Study.codes[at]]} at ${at}`);
    byId("card").replaceChildren(
      heading,
      make("p", { class: "quiet" }, where(at)),
      terms(values),
      make("p", {}, outcome(found)),
      ...(drawn.length ? [make("p", {}, "The gradient is that of the logit of:"), choices(panes[0], at, drawn[0].gradient.symbol, choose)] : []),
      ...said.map((text) => make("p", {}, ...raised(text))),
      ...[drawn.length ? chart(drawn) : null].filter(Boolean),
      ...(drawn.length ? [make("p", { class: "quiet" }, `${drawn.length > 1 ? "A thin, B thick. " : ""}Dashed: the median over places of the run. Computed here from the weights in float16.`)] : []),
      make("p", {}, make("button", { type: "button", id: "leave" }, "Back to the unit (Esc)")),
    );
    byId("card").hidden = false;
    byId("said").textContent = `${Study.named[Study.codes[at]]} at ${at}. ${values.map(([name, value]) => `${name}: ${value}`).join(". ")}. ${outcome(found)} ${said.join(" ")}`;
  }

  function close(sentence) {
    byId("card").hidden = true;
    byId("said").textContent = sentence;
  }

  return { tip, untip, card, close, valueOf };
})();
