"use strict";
(() => {
  // The modeller's page is drawn when it is first looked at: the treasurer's does not wait for it.
  const turn = () => {
    const modeller = document.querySelector("#modeller:target, #modeller :target") !== null;
    document.querySelectorAll(".tabs a").forEach((link) => {
      const here = link.hash === (modeller ? "#modeller" : "#treasurer");
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
    if (modeller) document.querySelectorAll("script[type='text/x-late']").forEach((late) => {
      const script = document.createElement("script");
      script.textContent = late.textContent;
      late.replaceWith(script);
    });
  };
  addEventListener("hashchange", () => {
    turn();
    if (/^#(treasurer|modeller)?$/.test(location.hash)) scrollTo(0, 0);
  });
  addEventListener("load", turn);

  // Wide tables can be scrolled with the keyboard.
  document.querySelectorAll("#modeller .scroll").forEach((scroll) => {
    const titles = [...scroll.closest("section").querySelectorAll("h2, h3")];
    const before = titles.filter((title) => title.compareDocumentPosition(scroll) & Node.DOCUMENT_POSITION_FOLLOWING);
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", before.length ? before[before.length - 1].textContent : "table");
  });

  const NONE = "–";
  const unsigned = (text) => (/[1-9]/.test(text) ? text : text.replace("-", ""));
  const forms = {
    points: (v) => unsigned(v.toFixed(2)),
    tenth: (v) => unsigned(v.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 })),
    whole: (v) => unsigned(v.toLocaleString("en-US", { maximumFractionDigits: 0 })),
    percent: (v) => unsigned((100 * v).toFixed(1) + "%"),
    text: (v) => String(v),
  };

  // A cell's value to sort by: the exact number where there is one, else the number it shows, else its text.
  const valueOf = (cell) => {
    if (cell.dataset.v !== undefined) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    const number = Number(text.replace(/[,%]/g, ""));
    return cell.classList.contains("n") ? (text && !Number.isNaN(number) ? number : null) : text;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));

  const sortBy = (table, column, down) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [valueOf(row.cells[column]), row]);
    const empty = (v) => v === null || v === NONE || v === "";
    rows.sort(([a], [b]) => empty(a) - empty(b) || (empty(a) ? 0 : compare(a, b) * (down ? -1 : 1)));
    body.append(...rows.map(([, row]) => row));
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      if (i === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("span"); // a real button would keep the head from being repeated on every printed page
      button.role = "button";
      button.tabIndex = 0;
      button.append(...head.childNodes);
      head.append(button);
      const sort = () => {
        const before = head.getAttribute("aria-sort");
        sortBy(table, column, before ? before === "ascending" : head.classList.contains("n"));
      };
      button.addEventListener("click", sort);
      button.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        sort();
      });
    });
  }

  const board = document.getElementById("board");
  const heads = [...board.tHead.rows[0].cells];
  const data = JSON.parse(document.getElementById("more-rows").textContent);
  const family = document.getElementById("family");
  const search = document.getElementById("search");
  const seeds = document.getElementById("seeds");

  const rowOf = ([kind, values]) => {
    const row = document.createElement("tr");
    row.className = kind;
    row.dataset.family = values[1];
    values.forEach((value, i) => {
      const form = heads[i].dataset.form;
      const cell = row.insertCell();
      if (form !== "text") cell.className = "n";
      if (form !== "text" && value !== null) cell.dataset.v = value;
      cell.textContent = value === null ? NONE : forms[form](value);
    });
    return row;
  };

  const sortAgain = () => {
    const column = heads.findIndex((head) => head.hasAttribute("aria-sort"));
    if (column >= 0) sortBy(board, column, heads[column].getAttribute("aria-sort") === "descending");
  };
  const filter = () => {
    const wanted = search.value.trim().toLowerCase();
    let shown = 0;
    for (const row of board.tBodies[0].rows) {
      const fits = (!family.value || row.dataset.family === family.value) &&
        (!wanted || row.cells[0].textContent.toLowerCase().includes(wanted));
      row.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").textContent = `${shown.toLocaleString("en-US")} rows`;
  };

  let made = [];
  const showSeeds = () => {
    made.forEach((row) => row.remove());
    made = seeds.checked ? data.seeds.map(rowOf) : [];
    board.tBodies[0].append(...made);
    sortAgain();
    filter();
  };

  board.tBodies[0].append(...data.more.map(rowOf));
  family.addEventListener("change", filter);
  search.addEventListener("input", filter);
  if (seeds) seeds.addEventListener("change", showSeeds);
  filter();
})();
