// The course around the figures: answers chosen and counted, all figures opened, one chapter per screen.
"use strict";

(() => {
  const every = (selector) => [...document.querySelectorAll(selector)];
  const asked = every("fieldset.choices");
  const sections = every("main > section");
  const bar = document.querySelector(".course");
  const tally = bar.querySelector("output");
  const first = new Map();

  function count() {
    const right = [...first.values()].filter(Boolean).length;
    tally.textContent = first.size ? Words.say("tally", { right, answered: first.size, left: asked.length - first.size }) : Words.say("questions", { count: asked.length });
  }

  // The first answer counts; others may be tried.
  for (const box of asked) {
    const verdict = box.querySelector(".verdict");
    box.addEventListener("change", ({ target }) => {
      const right = target.value === box.dataset.right;
      if (!first.has(box)) first.set(box, right);
      box.dataset.chosen = right ? "right" : "wrong";
      verdict.textContent = Words.say(right ? "right" : "wrong");
      count();
    });
  }

  const opened = bar.querySelector("[name=open]");
  opened.addEventListener("click", () => {
    const open = opened.getAttribute("aria-pressed") !== "true";
    every("main details").forEach((one) => (one.open = open));
    opened.setAttribute("aria-pressed", open);
  });

  // One chapter per screen: the others stay in the page for paper, and for a search.
  const screens = bar.querySelector("[name=screens]");
  const alone = () => screens.getAttribute("aria-pressed") === "true";
  let here = 0;
  function show(at) {
    here = Math.max(0, Math.min(at, sections.length - 1));
    sections.forEach((section, k) => section.classList.toggle("here", k === here));
  }
  const named = () => {
    const found = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    return found ? sections.findIndex((section) => section.contains(found)) : -1;
  };
  function turn(by) {
    const next = sections[here + by];
    if (!next) return;
    history.replaceState(null, "", `#${next.id}`);
    show(here + by);
    scrollTo(0, 0);
    next.querySelector("h2").focus({ preventScroll: true });
  }
  screens.addEventListener("click", () => {
    // The chapter that is being read stays on the screen.
    const seen = sections.findLastIndex((section) => section.getBoundingClientRect().top < innerHeight / 2);
    screens.setAttribute("aria-pressed", !alone());
    document.body.classList.toggle("screens", alone());
    if (alone()) show(seen);
    else sections[here].scrollIntoView();
  });
  addEventListener("hashchange", () => named() >= 0 && show(named()));
  addEventListener("keydown", (event) => {
    const taken = event.target.closest("input, button, summary, [tabindex='0'], .player");
    if (!alone() || taken || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "ArrowRight" || event.key === "PageDown") turn(1);
    else if (event.key === "ArrowLeft" || event.key === "PageUp") turn(-1);
    else return;
    event.preventDefault();
  });

  if (sections.length < 2) screens.hidden = true;
  count();
  bar.hidden = false;
})();
