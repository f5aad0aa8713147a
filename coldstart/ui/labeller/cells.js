// The cells of the grid: made once a page, then only their changed parts are touched.

/**
 * @typedef {object} Cell
 * @property {HTMLElement} element
 * @property {HTMLImageElement} image
 * @property {HTMLElement} badge
 * @property {string} shown what it shows, to leave unchanged cells alone
 */

const STATE_WORDS = { skipped: "skipped", unsure: "unsure", excluded: "excluded" };
const STATE_SIGNS = { skipped: "»", unsure: "?", excluded: "×" };

/** @returns {Cell} */
export function makeCell(row, index, thumbnailUrl) {
  const element = document.createElement("div");
  element.className = "cell";
  element.id = `cell-${row.id}`;
  element.setAttribute("role", "gridcell");
  element.dataset.index = String(index);
  const image = document.createElement("img");
  image.alt = "";
  image.draggable = false;
  image.decoding = "async";
  image.onerror = () => element.classList.add("broken");
  image.src = thumbnailUrl;
  const fallback = document.createElement("span");
  fallback.className = "fallback";
  fallback.textContent = row.name;
  const tick = document.createElement("span");
  tick.className = "tick";
  const badge = document.createElement("span");
  badge.className = "badge";
  badge.append(document.createElement("i"), document.createElement("b"));
  element.append(image, fallback, tick, badge);
  for (const child of element.children) child.setAttribute("aria-hidden", "true");
  return { element, image, badge, shown: "" };
}

/** Show an answer on a cell. @param {{kind: string, class_id: number|null}|null} answer */
export function paintAnswer(cell, row, answer, classes) {
  const words = answerWords(answer, classes);
  const found = answer?.kind === "class" ? classes.get(answer.class_id) : undefined;
  const shown = `${answer?.kind ?? ""} ${words} ${found?.color ?? ""}`;
  if (cell.shown === shown) return;
  cell.shown = shown;
  cell.element.setAttribute("aria-label", `${row.name}, ${words}`);
  cell.element.title = row.path;
  cell.element.dataset.kind = answer?.kind ?? "";
  const [swatch, text] = cell.badge.children;
  swatch.textContent = answer ? (STATE_SIGNS[answer.kind] ?? "") : "";
  swatch.style.background = found?.color ?? "";
  text.textContent = answer ? words : "";
}

/** An answer in words: the class's name, the state, or "unlabelled". */
export function answerWords(answer, classes) {
  if (!answer) return "unlabelled";
  if (answer.kind !== "class") return STATE_WORDS[answer.kind] ?? answer.kind;
  return classes.get(answer.class_id)?.name ?? `class ${answer.class_id}`;
}

/** Put the cells into rows as wide as the grid is, for those who read it by row and column. */
export function arrangeRows(grid, cells, columns) {
  const rows = [];
  for (let start = 0; start < cells.length; start += columns) {
    const row = document.createElement("div");
    row.className = "row";
    row.setAttribute("role", "row");
    row.append(...cells.slice(start, start + columns).map((cell) => cell.element));
    rows.push(row);
  }
  grid.replaceChildren(...rows);
}

/** How many cells stand side by side. */
export function columnsOf(grid) {
  const tracks = getComputedStyle(grid).gridTemplateColumns;
  return tracks && tracks !== "none" ? Math.max(1, tracks.split(" ").length) : 1;
}

/** The usual shape of the page's images, so that most fill their cell; null while too few are here. */
export function usualRatio(cells) {
  const ratios = cells
    .filter((cell) => cell.image.naturalWidth > 0)
    .map((cell) => cell.image.naturalWidth / cell.image.naturalHeight)
    .sort((a, b) => a - b);
  if (ratios.length < Math.min(cells.length, 8)) return null;
  const median = ratios[Math.floor(ratios.length / 2)];
  return median ? Math.round(Math.min(1.6, Math.max(0.65, median)) * 50) / 50 : null;
}
