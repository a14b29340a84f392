// Where the marks of an axis stand.
"use strict";
const Ticks = (() => {
  // At most so many round numbers from low to high, 1, 2 or 5 times a power of ten apart.
  function ticks(low, high, most) {
    if (!(high > low)) return [low];
    const rough = (high - low) / Math.max(most, 1);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((times) => times * power >= rough * (1 - 1e-9));
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) found.push(k * step);
    return found;
  }

  return { ticks };
})();
