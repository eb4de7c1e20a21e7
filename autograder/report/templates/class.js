(() => {
  // Without this script the table of students is whole and readable; it only adds a search and sorting.
  const table = document.getElementById("class"), body = table.tBodies[0], rows = [...body.rows];
  const words = document.getElementById("words"), found = document.getElementById("found");
  const text = row => row.textContent.toLowerCase();
  const texts = new Map(rows.map(row => [row, text(row)]));
  words.addEventListener("input", () => {
    const asked = words.value.toLowerCase().split(/\s+/);
    let count = 0;
    for (const row of rows) {
      row.hidden = !asked.every(word => texts.get(row).includes(word));
      if (!row.hidden) count++;
    }
    found.textContent = `${count} of ${rows.length}`;
  });
  document.getElementById("find").hidden = false;
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, at) => {
    const said = row.cells[at].textContent.trim(), number = parseFloat(said);
    return heads[at].classList.contains("n") ? (isNaN(number) ? -1 : number) : said;
  };
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
      const keys = new Map(rows.map(row => [row, value(row, at)]));
      const order = (a, b) => typeof a === "number" ? a - b : a.localeCompare(b);
      body.append(...[...rows].sort((a, b) => down * order(keys.get(a), keys.get(b))));
    });
  });
})();
