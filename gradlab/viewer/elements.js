// Elements and numbers: all that a script writes into the page goes through here, as text.
"use strict";

const Elements = (() => {
  const byId = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";

  // `make("p", { class: "quiet" }, "text", child)`; a child is an element or text, never markup.
  function make(tag, attributes = {}, ...children) {
    const element = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  }

  const minus = (text) => text.replace("-", "−");
  const missing = (value) => value === null || value === undefined || Number.isNaN(value);

  function number(value, digits = 2) {
    if (missing(value)) return "–";
    if (value === "inf" || value === Infinity) return "∞";
    if (value === "-inf" || value === -Infinity) return "−∞";
    return minus(value.toFixed(Math.abs(value) >= 100 ? 0 : digits));
  }

  const signed = (value, digits = 2) => (value > 0 ? `+${number(value, digits)}` : number(value, digits));
  const percent = (share) => (missing(share) ? "–" : share > 0 && share < 0.005 ? "<1 %" : `${Math.round(100 * share)} %`);

  // 10 to the power of a logarithm, in words; an exact zero is one.
  const power = (log) => (log === -Infinity ? "0" : `10^${minus(log.toFixed(1))}`);

  // Text whose powers of ten are raised.
  const raised = (text) => text.split(/10\^([−\d.]+)/).flatMap((part, i) => (i % 2 ? ["10", make("sup", {}, part)] : [part]));

  // Options of a select, its value kept where it is still there.
  function offer(select, pairs, value) {
    select.replaceChildren(...pairs.map(([key, text]) => make("option", { value: key }, text)));
    select.value = value;
  }

  const terms = (pairs) => make("dl", {}, ...pairs.flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]));

  return { byId, make, number, signed, percent, power, raised, offer, terms };
})();
