// Tables that sort, and buttons that copy. Without this file the page still shows everything.
"use strict";

(() => {
  const entry = (row, column) => row.cells[column].dataset.v;

  // Numbers by size, words by the alphabet; what has no value comes last in both directions.
  function compare(numeric, sign, a, b) {
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true }));
  }

  function sort(table, heading) {
    const column = heading.cellIndex;
    const numeric = heading.classList.contains("n");
    const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => compare(numeric, sign, entry(a, column), entry(b, column)));
    table.tBodies[0].append(...rows);
  }

  for (const table of document.querySelectorAll("table")) {
    for (const heading of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent;
      button.addEventListener("click", () => sort(table, heading));
      heading.replaceChildren(button);
    }
  }

  // A table is copied as a spreadsheet takes it, in the order in which it is shown.
  function text(element) {
    if (element.tagName !== "TABLE") return element.textContent;
    return [...element.rows]
      .map((row) => [...row.cells].map((cell) => (cell.dataset.v ?? cell.textContent).replace(/\s+/g, " ")).join("\t"))
      .join("\n");
  }

  async function copy(content) {
    try {
      await navigator.clipboard.writeText(content);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = content;
      area.style.position = "fixed";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  }

  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      const done = await copy(text(document.getElementById(button.dataset.copies)));
      button.textContent = done ? "Copied" : "Not allowed";
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
  }
})();
