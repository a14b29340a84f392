// What is chosen, where it stands in the address, and what keys and hands do to it.
"use strict";

(async () => {
  const { byId, offer, make } = Elements;
  // By pane: number of the cell, row of the unit in its table.
  const chosen = { panes: [{ cell: 0, row: 0 }], active: 0, label: -1, at: null, symbol: null, predictions: true };
  let found = { found: [], length: 0, current: -1 };

  if (!("DecompressionStream" in window)) {
    byId("waiting").textContent = "This browser cannot unpack the page; any of 2023 or later can.";
    return;
  }

  function pane({ cell: number, row }) {
    const cell = Study.cells[number];
    const label = Units.labelOf(cell, row, chosen.label);
    const made = { number, cell, part: Study.part(cell, row), row, index: Study.index(cell, row), label, gradient: null };
    if (chosen.at !== null && cell.step) {
      const first = Study.cells[chosen.panes[0].cell];
      made.gradient = Study.gradient(cell, chosen.at, chosen.symbol ?? Study.predictions(first, chosen.at).ranks[0].symbol);
    }
    return made;
  }

  // The unit of a state or gate that the list shows first.
  const best = (cell, part) => Units.order(cell, part, chosen.label)[0];
  const active = () => TextView.panes[chosen.active];

  // Draws everything anew from what is chosen; only the lines in sight are drawn.
  function refresh(changes = {}) {
    const count = TextView.panes.length;
    const had = document.activeElement?.closest("#list, #card, #panes")?.id;
    Object.assign(chosen, changes);
    const panes = chosen.panes.map(pane);
    TextView.panes = panes;
    const laid = count !== panes.length || TextView.predictions !== chosen.predictions;
    Object.assign(TextView, { mark: chosen.at, predictions: chosen.predictions, found });
    Units.show(active(), chosen.label, (row) => choose({ row }));
    controls();
    if (chosen.at === null) Place.close(Units.sentence(active(), chosen.label));
    else Place.card(panes, chosen.at, (symbol) => refresh({ symbol }));
    byId("leave")?.addEventListener("click", leave);
    if (laid) TextView.lay();
    else TextView.draw();
    keepAddress();
    if (had) focusIn(had);
  }

  // What has been made anew under the focus gets it back.
  function focusIn(id) {
    const again = byId(id).querySelector("[aria-current] button, [aria-pressed='true']");
    (byId(id).hidden || !again ? byId("text") : again).focus({ preventScroll: true });
  }

  function choose(change) {
    const panes = chosen.panes.map((one, k) => (k === chosen.active ? { ...one, ...change } : one));
    refresh({ panes });
  }

  function controls() {
    const { cell, part, number, row } = active();
    offer(byId("pick-cell"), Study.cells.map((one, k) => [k, one.cell]), number);
    offer(byId("pick-part"), cell.parts.map((one) => [one.id, one.words]), part.id);
    offer(byId("pick-label"), [[-1, "each unit's best"], ...Study.labels.map((label, k) => [k, label.name])], chosen.label);
    byId("unit-name").textContent = cell.units.unit[row];
    byId("predictions").checked = chosen.predictions;
    byId("compare").checked = chosen.panes.length > 1;
    byId("pick-place").value = chosen.at ?? "";
    byId("panes").hidden = chosen.panes.length < 2;
    byId("panes").replaceChildren(...TextView.panes.map(({ cell: { cell: name, units }, row: r }, k) =>
      make("button", { type: "button", "aria-pressed": String(k === chosen.active), onclick: () => refresh({ active: k }) }, `${"AB"[k]}: ${name} ${units.unit[r]}`)));
    byId("legend").dataset.shows = chosen.at !== null && active().gradient ? "gradient" : part.gate ? "gate" : "state";
    byId("legend").dataset.predictions = chosen.predictions;
    byId("legend-unit").textContent = part.words;
    byId("legend-label").textContent = Study.labels[active().label]?.name ?? "no label";
  }

  function flip(way) {
    const { cell, part, row } = active();
    const rows = Units.order(cell, part, chosen.label);
    choose({ row: rows[(rows.indexOf(row) + way + rows.length) % rows.length] });
  }

  function mark(at, symbol = null) {
    const place = Math.min(Study.codes.length - 1, Math.max(0, at));
    refresh({ at: place, symbol });
    TextView.reveal(place);
  }

  const leave = () => refresh({ at: null, symbol: null });

  function compare(on) {
    const [first] = chosen.panes;
    if (!on) return refresh({ panes: [first], active: 0 });
    const [{ cell, part, row }] = TextView.panes;
    const rows = Units.order(cell, part, chosen.label);
    const next = rows[(rows.indexOf(row) + 1) % rows.length];
    const second = Study.cells.length > 1 ? withBest((first.cell + 1) % Study.cells.length) : { ...first, row: next };
    return refresh({ panes: [first, second], active: 1 });
  }

  // A pane that shows a unit by its name, or the first of the memory.
  function withBest(number, name = "") {
    const cell = Study.cells[number];
    const row = cell.units.unit.indexOf(name);
    return { cell: number, row: row >= 0 ? row : best(cell, cell.parts.find((part) => part.memory) ?? cell.parts[0]) };
  }

  // The next place of the words, or the one before; of new words the first from the top of what is in sight.
  function search(way) {
    const words = byId("search").value;
    const isNew = words !== found.words;
    if (isNew) found = { ...Study.find(words), words, current: -1 };
    const count = found.found.length;
    if (count) {
      const first = found.found.findIndex((at) => at >= (TextView.top() ?? 0));
      found.current = isNew ? Math.max(0, first) : (found.current + way + count) % count;
      TextView.reveal(found.found[found.current]);
    }
    byId("found").textContent = !words ? "" : count ? `${found.current + 1} of ${count}` : "not found";
    TextView.found = found;
    TextView.draw();
  }

  // The address names what is chosen: #cell=0&unit=c/17&at=120
  function keepAddress() {
    const [first, second] = TextView.panes;
    const name = ({ cell, row }) => cell.units.unit[row];
    const words = new URLSearchParams({ cell: first.number, unit: name(first) });
    if (second) words.set("with", `${second.number}:${name(second)}`);
    if (chosen.label >= 0) words.set("label", Study.labels[chosen.label].name);
    if (chosen.at !== null) words.set("at", chosen.at);
    else if (TextView.top()) words.set("top", TextView.top());
    if (chosen.symbol !== null) words.set("symbol", chosen.symbol);
    if (!chosen.predictions) words.set("predictions", "off");
    const hash = `#${words.toString().replaceAll("%2F", "/").replaceAll("%3A", ":")}`;
    try {
      if (hash !== location.hash) history.replaceState(null, "", hash);
    } catch {
      // A browser that has been asked too often in a while; the next change is written again.
    }
  }

  const within = (text, count) => (/^\d+$/.test(text ?? "") && Number(text) < count ? Number(text) : null);

  // What an address says, as far as this run has it.
  function fromAddress(hash = location.hash) {
    const words = new URLSearchParams(hash.slice(1));
    const number = (name, count) => within(words.get(name), count);
    Object.assign(chosen, { label: Study.labels.findIndex(({ name }) => name === words.get("label")), active: 0 });
    const panes = [withBest(number("cell", Study.cells.length) ?? 0, words.get("unit"))];
    const [other, ...unit] = (words.get("with") ?? "").split(":");
    if (within(other, Study.cells.length) !== null) panes.push(withBest(Number(other), unit.join(":")));
    const [at, top] = [number("at", Study.codes.length), number("top", Study.codes.length)];
    refresh({ panes, at, symbol: number("symbol", Study.symbols.length), predictions: words.get("predictions") !== "off" });
    if (at !== null) TextView.reveal(at);
    else if (top !== null) TextView.show(top);
  }

  const MOVES = {
    ArrowLeft: (at) => at - 1,
    ArrowRight: (at) => at + 1,
    ArrowUp: (at) => TextView.below(at, -1),
    ArrowDown: (at) => TextView.below(at, 1),
  };

  function key(event) {
    const typing = event.target.closest?.("input:not([type='checkbox']), select, .scroll");
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape" && chosen.at !== null) leave();
    else if (typing) return;
    else if (event.shiftKey && event.key in MOVES) mark(chosen.at === null ? (TextView.top() ?? 0) : MOVES[event.key](chosen.at));
    else if (event.shiftKey && event.key !== "?" && event.key !== "N") return;
    else if (event.key === "ArrowLeft") flip(-1);
    else if (event.key === "ArrowRight") flip(1);
    else if (event.key === "/") byId("search").focus();
    else if (event.key === "n") search(1);
    else if (event.key === "N") search(-1);
    else return;
    event.preventDefault();
  }

  function click(event) {
    const hit = TextView.hit(event.clientX, event.clientY);
    if (!hit || getSelection().toString()) return;
    const { at, pane: k, rank } = hit;
    if (event.pointerType !== "mouse") Place.tip(TextView.panes, at, event.clientX, event.clientY);
    chosen.active = Math.max(0, Math.min(k, chosen.panes.length - 1));
    if (rank >= 0) mark(at, Study.predictions(TextView.panes[k].cell, at).ranks[rank].symbol);
    else if (at === chosen.at) leave();
    else mark(at);
  }

  function listen() {
    const text = byId("text");
    const on = (id, event, act) => byId(id).addEventListener(event, act);
    addEventListener("keydown", key);
    // What was still to be drawn may have written its own address since.
    addEventListener("hashchange", (event) => fromAddress(new URL(event.newURL).hash));
    text.addEventListener("click", click);
    text.addEventListener("pointermove", (event) => {
      const hit = event.pointerType === "mouse" && TextView.hit(event.clientX, event.clientY);
      if (hit) Place.tip(TextView.panes, hit.at, event.clientX, event.clientY);
      else Place.untip();
    });
    text.addEventListener("pointerleave", Place.untip);
    let resting = 0;
    text.addEventListener("scroll", () => {
      Place.untip();
      clearTimeout(resting);
      resting = setTimeout(keepAddress, 200);
    }, { passive: true });
    on("previous", "click", () => flip(-1));
    on("next", "click", () => flip(1));
    on("pick-cell", "change", () => choose(withBest(Number(byId("pick-cell").value))));
    on("pick-part", "change", () => choose({ row: best(active().cell, active().cell.parts.find((part) => part.id === byId("pick-part").value)) }));
    on("pick-label", "change", () => {
      chosen.label = Number(byId("pick-label").value);
      choose({ row: best(active().cell, active().part) });
    });
    on("predictions", "change", () => refresh({ predictions: byId("predictions").checked }));
    on("compare", "change", () => compare(byId("compare").checked));
    on("pick-place", "change", () => (byId("pick-place").value === "" ? leave() : mark(Number(byId("pick-place").value))));
    on("search", "input", () => search(1));
    on("search", "keydown", (event) => event.key === "Enter" && search(event.shiftKey ? -1 : 1));
    on("find-next", "click", () => search(1));
    on("tools", "submit", (event) => event.preventDefault());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", TextView.paint);
    new ResizeObserver(TextView.lay).observe(text);
  }

  try {
    await Study.open();
  } catch (error) {
    byId("waiting").textContent = "The text cannot be unpacked: this file is damaged, or not all of it is here.";
    throw error;
  }
  byId("viewer").hidden = false;
  byId("waiting").hidden = true;
  byId("pick-place").max = Study.codes.length - 1;
  TextView.paint();
  fromAddress();
  TextView.lay();
  listen();
  document.documentElement.dataset.viewer = "ready";
})();
