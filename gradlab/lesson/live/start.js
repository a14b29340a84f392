// Brings the page's widgets to life; without scripts the figures stand alone.
"use strict";

for (const element of document.querySelectorAll(".live")) {
  const facts = JSON.parse(document.getElementById(`${element.id}-facts`).textContent);
  Widgets[element.dataset.widget](element.querySelector(".hand"), facts);
  element.hidden = false;
}
