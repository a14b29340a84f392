// What a hand moves: sliders that say their value, and buttons that play, step and go back.
"use strict";

// By the name of each: `(element, facts)`.
const Widgets = {};

const Controls = (() => {
  const { make } = Elements;
  const REST = 700;
  let count = 0;

  // A slider with its name, its value and its unit; `turn` makes its place a value, and `says` a value words.
  function slider(box, { name, low, high, step, value, unit = "", turn = (at) => at, says = Drawn.number }, changed) {
    const id = `live-${(count += 1)}`;
    const words = make("output", { for: id });
    const input = make("input", { id, type: "range", min: low, max: high, step, value });
    const told = () => `${says(turn(Number(input.value)))}${unit && ` ${unit}`}`;
    const show = () => {
      words.replaceChildren(...Drawn.said(told()));
      input.setAttribute("aria-valuetext", told());
    };
    input.addEventListener("input", () => {
      show();
      changed();
    });
    show();
    if (!box.lastElementChild?.matches(".sliders")) box.append(make("div", { class: "sliders" }));
    box.lastElementChild.append(make("div", { class: "slider" }, make("label", { for: id }, name), input, words));
    return {
      get: () => turn(Number(input.value)),
      set: (at) => {
        input.value = at;
        show();
      },
      most: (at) => {
        input.max = at;
        show();
      },
    };
  }

  // Walks `at` from 0 to `last()`; `shown(at)` draws. Where motion is not wanted, Play goes to the end at once.
  // On its buttons the arrow keys go step by step, Home to the start and End to the end.
  function player(box, { last, shown, pace = 60 }) {
    let [at, timer] = [0, null];
    const stop = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = Words.say("play");
    };
    const go = (to) => {
      at = Math.max(0, Math.min(to, last()));
      shown(at);
    };
    const start = () => {
      if (at >= last()) go(0);
      if (Drawn.calm()) return go(last());
      play.textContent = Words.say("pause");
      timer = setInterval(() => (at < last() ? go(at + 1) : stop()), pace);
    };
    const button = (name, label, does) => make("button", { type: "button", "aria-label": label, onclick: does }, name);
    const play = button(Words.say("play"), Words.say("play_or_pause"), () => (timer ? stop() : start()));
    const by = (steps) => () => {
      stop();
      go(at + steps);
    };
    const reset = () => {
      stop();
      go(0);
    };
    const keys = { ArrowLeft: by(-1), ArrowRight: by(1), Home: reset, End: () => (stop(), go(last())) };
    const pressed = (event) => {
      if (!keys[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      keys[event.key]();
    };
    const buttons = [play, button("−1", Words.say("step_back"), by(-1)), button("+1", Words.say("step_on"), by(1)), button(Words.say("start"), Words.say("back_to_start"), reset)];
    box.append(make("div", { class: "player", role: "group", "aria-label": Words.say("play_and_step"), onkeydown: pressed }, ...buttons));
    return { at: () => at, go: (to) => { stop(); go(to); } };
  }

  // Names of lines with their colours.
  const legend = (box, names) =>
    box.append(make("p", { class: "legend" }, ...names.map(([name, look]) => make("span", { class: look }, name))));

  // A line of words that changes; it is read out when a hand has come to rest.
  function line(box) {
    const [words, aloud] = [make("p", { class: "told" }), make("p", { class: "aloud", "aria-live": "polite" })];
    box.append(words, aloud);
    let resting = null;
    return (text) => {
      words.replaceChildren(...Drawn.said(text));
      clearTimeout(resting);
      resting = setTimeout(() => (aloud.textContent = text), REST);
    };
  }

  return { slider, player, legend, line };
})();
