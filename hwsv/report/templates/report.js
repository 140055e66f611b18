"use strict";
// Everything below adds convenience: without it the page says the same.
const text = (cell) => cell.textContent.trim();

// A click on a unit shows its row of the table of all units.
const sheet = document.getElementById("sheet");
for (const link of document.querySelectorAll("[data-unit]")) {
  link.addEventListener("click", (event) => {
    const row = document.getElementById("u-" + link.dataset.unit);
    if (!row || !sheet.showModal) return;
    event.preventDefault();
    const names = [...row.closest("table").tHead.rows[0].cells].map(text);
    sheet.querySelector("h2").textContent = link.dataset.unit;
    sheet.querySelector("dl").replaceChildren(...[...row.cells].slice(1).flatMap((cell, i) => {
      if (!text(cell)) return [];
      const name = document.createElement("dt"), value = document.createElement("dd");
      name.textContent = names[i + 1];
      value.textContent = text(cell);
      return [name, value];
    }));
    sheet.showModal();
  });
}
sheet.addEventListener("click", (event) => { if (event.target === sheet) sheet.close(); });

// Long tables: a click on a heading sorts, a field above filters.
const value = (cell) => "v" in cell.dataset ? Number(cell.dataset.v) : text(cell);
for (const table of document.querySelectorAll("table.data")) {
  const body = table.tBodies[0], rows = [...body.rows];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending" || !(head.classList.contains("n") || head.hasAttribute("aria-sort"));
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const order = (a, b) => typeof a === "number" ? a - b : a.localeCompare(b, "en", {numeric: true});
      rows.sort((a, b) => (up ? 1 : -1) * order(value(a.cells[column]), value(b.cells[column])));
      body.append(...rows);
    });
  });
  const field = document.createElement("input");
  field.type = "search";
  field.className = "filter";
  field.placeholder = "filter rows";
  field.setAttribute("aria-label", "Filter rows of the table below");
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const row of rows) row.hidden = !text(row).toLowerCase().includes(wanted);
  });
  table.parentElement.before(field);
}
