// The texts of the page's language by their keys, and numbers as it writes them.
"use strict";

const Words = (() => {
  const { decimal, group, texts } = JSON.parse(document.getElementById("words").textContent);
  const PLACE = /(?<![_^])\{([^{}]*)\}/g;
  const say = (key, given = {}) => texts[key].replace(PLACE, (_, name) => String(given[name]));
  const grouped = (digits) => (digits.length < 5 ? digits : digits.replace(/\B(?=(\d{3})+$)/g, group));

  // From a number with a decimal point.
  const written = (number) => number.replace(/(\d+)(\.\d+)?/g, (_, whole, rest = "") => grouped(whole) + rest.replace(".", decimal));

  return { say, written };
})();
