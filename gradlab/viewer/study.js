// What the run has measured, as the page asks for it: symbols, values of units, scores, predictions.
"use strict";

const Study = (() => {
  const { facts } = Unpack;
  const PLAIN = { "\n": "↵", "\t": "→", " ": "·" };
  const symbols = facts.vocabulary.map((point) => String.fromCodePoint(point));

  // A symbol as it is drawn: what has no form of its own, or would change the direction of others, gets one.
  const drawn = symbols.map((symbol) => (symbol === " " ? " " : PLAIN[symbol] ?? (/[\p{C}\p{Z}]/u.test(symbol) ? "▯" : symbol)));

  // The same where a blank has to be seen, and in words.
  const seen = drawn.map((symbol) => (symbol === " " ? "·" : symbol));
  const named = symbols.map((symbol, i) => {
    const word = { "\n": "line break", "\t": "tab", " ": "blank", "\ufffd": "a character without a symbol" }[symbol];
    return word ?? (drawn[i] === "▯" ? `U+${facts.vocabulary[i].toString(16).toUpperCase().padStart(4, "0")}` : `“${symbol}”`);
  });
  const folded = symbols.map((symbol) => symbol.toLowerCase());

  const study = { facts, symbols, drawn, seen, named, cells: facts.cells };

  // Everything is unpacked before anything is shown: what follows never waits.
  study.open = async () => {
    study.codes = await Unpack.array(facts.codes);
    study.labels = await Promise.all(
      facts.labels.map(async (label) => ({ ...label, values: await Unpack.array(label.array) })),
    );
    await Promise.all(study.cells.map(load));
  };

  async function load(cell) {
    const { top, probability, place, bits, scores, above } = cell;
    Object.assign(cell, await Unpack.arrays({ top, probability, place, bits, scores, above }));
    cell.weights = await Unpack.arrays(cell.weights);
    cell.starts = await Unpack.arrays(cell.starts);
    for (const part of cell.parts) {
      part.values = part.array === null ? new Map() : await Unpack.array(part.array);
      part.units = cell.units.unit.flatMap((name, row) => (name.slice(0, name.lastIndexOf("/")) === part.id ? [row] : []));
    }
  }

  // The number of a unit within its state or gate.
  study.index = (cell, row) => Number(cell.units.unit[row].split("/").pop());

  study.part = (cell, row) => {
    const name = cell.units.unit[row];
    return cell.parts.find((part) => part.id === name.slice(0, name.lastIndexOf("/")));
  };

  // What a unit was after a character; NaN where it has not been computed yet. `need` has it computed.
  study.value = (cell, part, index, at) => {
    const { anchor } = facts;
    if (part.array !== null) return part.values[index * study.codes.length + at] * part.scale;
    const stretch = part.values.get(Math.floor(at / anchor));
    return stretch ? stretch[(at % anchor) * cell.hidden + index] * part.scale : NaN;
  };

  // Computes what the page does not hold of some characters; false if `patience` milliseconds did not do.
  study.need = (cell, from, to, patience) => {
    const parts = cell.parts.filter((part) => part.array === null);
    const end = performance.now() + patience;
    for (let s = Math.floor(from / facts.anchor); parts.length && s <= Math.floor((to - 1) / facts.anchor); s++) {
      if (parts[0].values.has(s)) continue;
      if (performance.now() > end) return false;
      for (const part of parts) part.values.set(s, new Int8Array(facts.anchor * cell.hidden));
      for (const [at, values] of Equations.replay(cell, study.codes, s, facts.anchor)) {
        for (const part of parts) keep(part, values[part.leaf], s, (at % facts.anchor) * cell.hidden);
      }
    }
    return true;
  };

  function keep(part, values, s, place) {
    const kept = part.values.get(s);
    values.forEach((value, i) => {
      kept[place + i] = Math.max(-127, Math.min(127, Math.round(value / part.scale)));
    });
  }

  // The gradient of a prediction, the last one of each cell kept while other units are looked at.
  study.gradient = (cell, at, symbol) => {
    if (cell.followed?.at !== at || cell.followed.symbol !== symbol) cell.followed = followed(cell, at, symbol);
    return cell.followed;
  };

  // `drift` is how far the page's own states are from those of the run.
  function followed(cell, at, symbol) {
    const { logs, drift, last } = Equations.gradient(cell, study.codes, at, symbol, facts.anchor);
    const measured = cell.parts.filter((part) => part.array !== null && part.leaf in last);
    const away = measured.map((part) => Math.max(...part.units.map((row) => {
      const index = study.index(cell, row);
      return Math.abs(last[part.leaf][index] - study.value(cell, part, index, at));
    })));
    return { at, symbol, logs, most: Math.max(...logs), drift: Math.max(drift, ...away) };
  }

  // One number of the table of scores; null where there is none.
  study.score = (cell, column, row, label) => {
    const { labels, columns, steps } = facts;
    const kept = cell.scores[(columns.indexOf(column) * cell.units.unit.length + row) * labels.length + label];
    return kept === undefined || kept === -32768 ? null : kept * steps.score;
  };

  study.isAbove = (cell, row, label) => cell.above[row * facts.labels.length + label] === 1;

  // The most probable next symbols after a character, and what came.
  study.predictions = (cell, at) => {
    const { length } = study.codes;
    const ranks = Array.from({ length: cell.top.length / length }, (_, rank) => ({
      symbol: cell.top[rank * length + at],
      probability: cell.probability[rank * length + at] * facts.steps.probability,
    }));
    const last = at === length - 1;
    return { ranks, came: last ? null : study.codes[at + 1], place: cell.place[at], bits: last ? null : cell.bits[at] * facts.steps.bits };
  };

  study.fileAt = (at) => facts.files.findLast((file) => file.start <= at) ?? null;

  // Where a word begins, small and capital letters alike; `\n` and `\t` stand for themselves.
  study.find = (words) => {
    const wanted = [...words.replaceAll("\\n", "\n").replaceAll("\\t", "\t")].map((letter) => letter.toLowerCase());
    const found = [];
    const { codes } = study;
    for (let i = 0; wanted.length && i + wanted.length <= codes.length; i++) {
      let k = 0;
      while (k < wanted.length && folded[codes[i + k]] === wanted[k]) k++;
      if (k === wanted.length) found.push(i);
    }
    return { found, length: wanted.length };
  };

  return study;
})();
