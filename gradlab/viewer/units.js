// The list of units with their scores, and what is known of the chosen one.
"use strict";

const Units = (() => {
  const { byId, make, number, signed, percent, terms } = Elements;
  const CONTROLS = [
    ["shifted", "shifted", "best of all units on the label shifted around (95 %)"],
    ["untrained", "untrained", "best of all units of networks not trained"],
    ["random", "random", "best of as many random directions"],
  ];

  // The label by which a unit is judged: the one that is chosen, or the one that it stands out for.
  const labelOf = (cell, row, label) => (label >= 0 ? label : cell.units.label[row]);
  const scoreOf = (cell, row, label) => (labelOf(cell, row, label) < 0 ? null : Study.score(cell, "score", row, labelOf(cell, row, label)));
  const isAbove = (cell, row, label) => (label >= 0 ? Study.isAbove(cell, row, label) : cell.units.above[row]);

  // Units of a state or gate: those above their controls first, by the size of their score.
  function order(cell, part, label) {
    const size = (row) => Math.abs(scoreOf(cell, row, label) ?? -1) + 2 * isAbove(cell, row, label);
    return [...part.units].sort((a, b) => size(b) - size(a) || a - b);
  }

  // A bar for the score, with a tick for each control.
  function bar(cell, row, label) {
    const at = labelOf(cell, row, label);
    const score = Math.abs(scoreOf(cell, row, label) ?? 0);
    const fill = make("span", { class: "fill" });
    fill.style.width = `${100 * score}%`;
    const ticks = at < 0 ? [] : CONTROLS.map(([column, name]) => {
      const tick = make("span", { class: `tick ${name}` });
      tick.style.left = `${100 * Math.abs(Study.score(cell, column, row, at) ?? 0)}%`;
      return tick;
    });
    return make("span", { class: "bar", "aria-hidden": "true" }, fill, ...ticks);
  }

  function list(pane, label, choose) {
    const { cell, part, row: chosen } = pane;
    const rows = order(cell, part, label).map((row) => {
      const at = labelOf(cell, row, label);
      const name = at < 0 ? "no label" : Study.labels[at].name;
      const here = row === chosen;
      const above = isAbove(cell, row, label);
      const button = make("button", { type: "button", tabindex: here ? 0 : -1, onclick: () => choose(row) }, cell.units.unit[row]);
      return make(
        "tr",
        { class: above ? "above" : null, "aria-current": here ? "true" : null, onclick: () => choose(row) },
        make("th", { scope: "row" }, button),
        make("td", {}, name),
        make("td", { class: "wide" }, bar(cell, row, label)),
        make("td", { class: "n" }, signed(scoreOf(cell, row, label))),
        make("td", {}, make("abbr", { title: above ? "above its controls" : "not above its controls" }, above ? "✓" : "–")),
      );
    });
    byId("list").replaceChildren(...rows);
    near(byId("list").querySelector("[aria-current]"), byId("scores"));
  }

  // Scrolls the list alone, never the page.
  function near(row, box) {
    if (!row) return;
    const [top, head] = [row.offsetTop, box.querySelector("thead").offsetHeight];
    if (top - head < box.scrollTop) box.scrollTop = top - head;
    else if (top + row.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + row.offsetHeight - box.clientHeight;
  }

  function counted(pane, label) {
    const { cell, part } = pane;
    const above = part.units.filter((row) => isAbove(cell, row, label)).length;
    const what = label >= 0 ? ` for ${Study.labels[label].name}` : "";
    byId("counted").textContent = `${above} of ${part.units.length} units of ${part.id} stand above their controls${what}.`;
  }

  function detail(pane, label) {
    const { cell, row } = pane;
    const at = labelOf(cell, row, label);
    const { units } = cell;
    const name = make("h2", {}, `${units.unit[row]} of ${cell.cell}`);
    if (at < 0) byId("unit").replaceChildren(name, make("p", {}, "No label was scored for this unit."));
    else byId("unit").replaceChildren(name, verdict(cell, row, label, at), bar(cell, row, label));
    const has = (name) => units[name][row] !== null;
    const facts = at < 0 ? [] : judged(cell, row, at);
    if (has("half_life")) facts.push(["half-life of its gate", `${number(units.half_life[row], 1)} steps`]);
    if (has("transport")) facts.push(["gradient through it halves", units.transport[row] === "inf" ? "beyond 100 steps" : `in ${number(units.transport[row], 0)} steps`]);
    if (has("left")) facts.push(["below 0.1, above 0.9", `${percent(units.left[row])}, ${percent(units.right[row])} of characters`]);
    if (units.used[row]) facts.push(...held(units, row));
    byId("controls").replaceChildren(make("h2", {}, "Score and controls"), terms(facts));
  }

  function verdict(cell, row, label, at) {
    const { name, meaning } = Study.labels[at];
    const words = isAbove(cell, row, label) ? "above its controls" : "not above its controls";
    return make("p", {}, make("strong", {}, name), ` (${meaning}): `, make("strong", {}, `${signed(Study.score(cell, "score", row, at))}, ${words}.`));
  }

  function judged(cell, row, at) {
    const score = (column) => Study.score(cell, column, row, at);
    const measure = Study.labels[at].kind === "binary" ? "2 AUC − 1" : "rank correlation";
    const pairs = [["score", `${signed(score("score"))} (${measure})`], ...CONTROLS.map(([column, , words]) => [words, number(score(column))])];
    if (score("same") !== null) pairs.push(["same unit before training", signed(score("same"))]);
    pairs.push(["first half, second half", `${signed(score("first"))}, ${signed(score("second"))}`]);
    if (score("accuracy") !== null) pairs.push(["balanced accuracy, second half", percent(score("accuracy"))]);
    if (score("p") !== null) pairs.push(["p, for all units and labels", score("p") < 0.001 ? "< 0.001" : number(score("p"), 3)]);
    return pairs;
  }

  function held(units, row) {
    const inside = `${signed(units.inside[row], 3)} bits per character (${signed(units.inside_low[row], 3)} to ${signed(units.inside_high[row], 3)})`;
    return [
      [`held at its mean, inside ${Study.labels[units.label[row]]?.name ?? ""}`, inside],
      ["outside", `${signed(units.outside[row], 3)} bits per character`],
      ["so the model", units.used[row] === "used" ? "uses it" : `is ${units.used[row]} to use it`],
    ];
  }

  function show(pane, label, choose) {
    list(pane, label, choose);
    counted(pane, label);
    detail(pane, label);
  }

  // What is read aloud of a unit.
  function sentence({ cell, row }, label) {
    const at = labelOf(cell, row, label);
    const words = isAbove(cell, row, label) ? "above its controls" : "not above its controls";
    const judged = at < 0 ? "" : `: ${Study.labels[at].name} ${signed(scoreOf(cell, row, label))}, ${words}`;
    return `${cell.units.unit[row]} of ${cell.cell}${judged}.`;
  }

  return { show, order, labelOf, sentence };
})();
