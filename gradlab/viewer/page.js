// What is chosen, where it stands in the address, and what keys and hands do to it.
"use strict";

(async () => {
  const { byId, offer, make } = Elements;
  const root = document.documentElement;
  // By pane: number of the cell, row of the unit in its table.
  const chosen = { panes: [{ cell: 0, row: 0 }], active: 0, label: -1, at: null, symbol: null, predictions: true };
  let found = { found: [], length: 0, current: -1 };

  if (!("DecompressionStream" in window)) {
    byId("waiting").textContent = "This browser cannot unpack the page; any of 2023 or later can.";
    return;
  }

  async function pane({ cell: number, row }, k) {
    const cell = await Study.load(number);
    const part = Study.part(cell, row);
    const made = { number, cell, part, row, index: Study.index(cell, row), gradient: null };
    if (chosen.at !== null && cell.step) {
      const symbol = chosen.symbol ?? Study.predictions(k ? TextView.panes[0].cell : cell, chosen.at).ranks[0].symbol;
      const logs = Study.gradient(cell, chosen.at, symbol);
      made.gradient = { at: chosen.at, symbol, logs, most: Math.max(...logs) };
    }
    return made;
  }

  // The unit of a state or gate that the list shows first.
  const best = (cell, part) => Units.order(cell, part, chosen.label)[0];
  const active = () => TextView.panes[chosen.active];

  // Draws everything anew from what is chosen; only the lines in sight are drawn.
  async function refresh(changes = {}) {
    const count = TextView.panes.length;
    Object.assign(chosen, changes);
    const panes = [];
    for (const [k, one] of chosen.panes.entries()) {
      panes.push(await pane(one, k));
      TextView.panes[k] = panes[k];
    }
    TextView.panes = panes;
    const laid = count !== panes.length || TextView.predictions !== chosen.predictions;
    Object.assign(TextView, { label: chosen.label, mark: chosen.at, predictions: chosen.predictions, found });
    Units.show(active(), chosen.label, (row) => choose({ row }));
    controls();
    if (chosen.at === null) Place.close();
    else Place.card(panes, chosen.at, (symbol) => refresh({ symbol }));
    byId("leave")?.addEventListener("click", leave);
    if (laid) TextView.lay();
    else TextView.draw();
    keepAddress();
  }

  function choose(change) {
    const panes = chosen.panes.map((one, k) => (k === chosen.active ? { ...one, ...change } : one));
    return refresh({ panes });
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
    byId("legend-unit").textContent = part.words;
  }

  function flip(way) {
    const { cell, part, row } = active();
    const rows = Units.order(cell, part, chosen.label);
    return choose({ row: rows[(rows.indexOf(row) + way + rows.length) % rows.length] });
  }

  function mark(at, symbol = null) {
    const place = Math.min(Study.codes.length - 1, Math.max(0, at));
    const done = refresh({ at: place, symbol });
    TextView.reveal(place);
    return done;
  }

  const leave = () => refresh({ at: null, symbol: null });

  function compare(on) {
    if (!on) return refresh({ panes: [chosen.panes[0]], active: 0 });
    const [{ cell: number, row }] = chosen.panes;
    const { cell, part } = TextView.panes[0];
    const rows = Units.order(cell, part, chosen.label);
    const other = Study.cells.length > 1 ? { cell: (number + 1) % Study.cells.length, row: -1 } : { cell: number, row: rows[(rows.indexOf(row) + 1) % rows.length] };
    return withRow(other).then((second) => refresh({ panes: [chosen.panes[0], second], active: 1 }));
  }

  // A pane whose unit is the first of the memory, where none is named.
  async function withRow({ cell: number, row }) {
    const cell = await Study.load(number);
    const memory = cell.parts.find((part) => part.memory) ?? cell.parts[0];
    return { cell: number, row: row >= 0 ? row : best(cell, memory) };
  }

  function search(way) {
    const words = byId("search").value;
    if (words !== found.words) found = { ...Study.find(words), words, current: -1 };
    const count = found.found.length;
    if (count && way) {
      const here = found.current >= 0 ? found.current : found.found.findIndex((at) => at >= (TextView.top() ?? 0)) - (way > 0 ? 1 : 0);
      found.current = (here + way + count) % count;
      TextView.reveal(found.found[found.current]);
    }
    byId("found").textContent = !words ? "" : !count ? "not found" : found.current < 0 ? `${count} found` : `${found.current + 1} of ${count}`;
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
    if (hash !== location.hash) history.replaceState(null, "", hash);
  }

  const within = (text, count) => (/^\d+$/.test(text ?? "") && Number(text) < count ? Number(text) : null);

  // What an address says, as far as this run has it.
  async function fromAddress() {
    const words = new URLSearchParams(location.hash.slice(1));
    const named = async (number, unit) => {
      const cell = await Study.load(number);
      return withRow({ cell: number, row: cell.units.unit.indexOf(unit) });
    };
    const label = Study.labels.findIndex(({ name }) => name === words.get("label"));
    Object.assign(chosen, { label, active: 0 });
    const panes = [await named(within(words.get("cell"), Study.cells.length) ?? 0, words.get("unit"))];
    const [number, ...unit] = (words.get("with") ?? "").split(":");
    if (within(number, Study.cells.length) !== null) panes.push(await named(Number(number), unit.join(":")));
    const at = within(words.get("at"), Study.codes.length);
    const top = within(words.get("top"), Study.codes.length);
    await refresh({ panes, at, symbol: within(words.get("symbol"), Study.symbols.length), predictions: words.get("predictions") !== "off" });
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
    const typing = event.target.matches("input, select, textarea");
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
    chosen.active = Math.max(0, Math.min(k, chosen.panes.length - 1));
    if (rank >= 0) mark(at, Study.predictions(TextView.panes[k].cell, at).ranks[rank].symbol);
    else if (at === chosen.at) leave();
    else mark(at);
  }

  function listen() {
    const text = byId("text");
    const on = (id, event, act) => byId(id).addEventListener(event, act);
    addEventListener("keydown", key);
    addEventListener("hashchange", fromAddress);
    text.addEventListener("click", click);
    text.addEventListener("pointermove", (event) => {
      const hit = event.pointerType === "mouse" && TextView.hit(event.clientX, event.clientY);
      if (hit) Place.tip(TextView.panes, hit.at, event.clientX, event.clientY);
      else Place.untip();
    });
    text.addEventListener("pointerleave", Place.untip);
    text.addEventListener("scroll", Place.untip, { passive: true });
    text.addEventListener("scrollend", keepAddress);
    on("previous", "click", () => flip(-1));
    on("next", "click", () => flip(1));
    on("pick-cell", "change", async () => choose(await withRow({ cell: Number(byId("pick-cell").value), row: -1 })));
    on("pick-part", "change", () => choose({ row: best(active().cell, active().cell.parts.find((part) => part.id === byId("pick-part").value)) }));
    on("pick-label", "change", () => {
      chosen.label = Number(byId("pick-label").value);
      choose({ row: best(active().cell, active().part) });
    });
    on("predictions", "change", () => refresh({ predictions: byId("predictions").checked }));
    on("compare", "change", () => compare(byId("compare").checked));
    on("pick-place", "change", () => (byId("pick-place").value === "" ? leave() : mark(Number(byId("pick-place").value))));
    on("search", "input", () => search(0));
    on("search", "keydown", (event) => event.key === "Enter" && search(event.shiftKey ? -1 : 1));
    on("find-next", "click", () => search(1));
    on("tools", "submit", (event) => event.preventDefault());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", TextView.paint);
    new ResizeObserver(TextView.lay).observe(text);
  }

  await Study.open();
  byId("viewer").hidden = false;
  byId("waiting").hidden = true;
  byId("pick-place").max = Study.codes.length - 1;
  TextView.paint();
  await fromAddress();
  TextView.lay();
  listen();
  root.dataset.viewer = "ready";
})();
