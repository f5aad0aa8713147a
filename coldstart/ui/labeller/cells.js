// The cells of the grid: made once a page, then only their changed parts are touched.

/**
 * @typedef {object} Cell
 * @property {HTMLElement} element
 * @property {HTMLImageElement} image
 * @property {HTMLElement} badge
 * @property {HTMLElement} remark how many comments there are
 * @property {boolean|null} chosen whether it is selected; null before anything was
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
  const words = document.createElement("b");
  words.textContent = "–"; // hidden; words that change are quicker than words that come
  badge.append(document.createElement("i"), words);
  const remark = document.createElement("span");
  remark.className = "remark";
  element.append(image, fallback, tick, badge, remark);
  for (const child of element.children) child.setAttribute("aria-hidden", "true");
  return { element, image, badge, remark, chosen: null, shown: "" };
}

/** Show an answer on a cell. @param {{kind: string, class_id: number|null}|null} answer */
export function paintAnswer(cell, row, answer, classes, suggestion) {
  if (!answer && suggestion) return paintSuggestion(cell, row, classes, suggestion);
  const words = answerWords(answer, classes);
  const found = answer?.kind === "class" ? classes.get(answer.class_id) : undefined;
  const shown = `${answer?.kind ?? ""} ${words} ${found?.color ?? ""} ${row.comments?.length ?? 0}`;
  if (cell.shown === shown) return;
  cell.shown = shown;
  cell.element.setAttribute("aria-label", `${row.name}, ${words}`);
  cell.element.removeAttribute("aria-description");
  cell.element.title = row.path;
  cell.element.dataset.kind = answer?.kind ?? "";
  delete cell.element.dataset.suggested;
  markComments(cell, row);
  const [swatch, text] = cell.badge.children;
  const sign = answer ? (STATE_SIGNS[answer.kind] ?? "") : "";
  if (swatch.textContent !== sign) swatch.textContent = sign;
  swatch.style.background = found?.color ?? "";
  swatch.style.borderColor = "";
  text.firstChild.data = answer ? words : "–";
}

/** Show what an open image may be: dashed, with a question mark and how sure that is. */
function paintSuggestion(cell, row, classes, suggestion) {
  const found = classes.get(suggestion.class_id);
  const sure = `${Math.round(100 * suggestion.probability)}%`;
  const shown = `? ${found?.name} ${sure} ${found?.color} ${row.comments?.length ?? 0}`;
  if (cell.shown === shown) return;
  cell.shown = shown;
  cell.element.setAttribute("aria-label", `${row.name}, unlabelled`);
  cell.element.setAttribute("aria-description", `suggested: ${found?.name}, ${sure}`);
  cell.element.title = row.path;
  cell.element.dataset.kind = "";
  cell.element.dataset.suggested = suggestion.probability < 0.5 ? "faint" : "yes";
  const [swatch, text] = cell.badge.children;
  if (swatch.textContent) swatch.textContent = "";
  swatch.style.background = "";
  swatch.style.borderColor = found?.color ?? "";
  text.firstChild.data = `${found?.name}? ${sure}`;
  markComments(cell, row);
}

function markComments(cell, row) {
  const count = row.comments?.length ?? 0;
  const words = count > 0 ? String(count) : "";
  if (cell.remark.textContent !== words) cell.remark.textContent = words;
  cell.remark.title = count === 1 ? "1 comment" : `${count} comments`;
}

/** An answer in words: the class's name, the state, or "unlabelled". */
export function answerWords(answer, classes) {
  if (!answer) return "unlabelled";
  if (answer.kind !== "class") return STATE_WORDS[answer.kind] ?? answer.kind;
  return classes.get(answer.class_id)?.name ?? `class ${answer.class_id}`;
}

/**
 * Put the cells into rows as wide as the grid is, for those who read it by row and column.
 * @param {number[][]} rows places @param {Map<number, string>} headings place -> the words over it
 */
export function arrangeRows(grid, cells, rows, headings) {
  const elements = [];
  for (const places of rows) {
    if (headings.has(places[0])) elements.push(makeHeading(headings.get(places[0])));
    const row = document.createElement("div");
    row.className = "row";
    row.setAttribute("role", "row");
    row.append(...places.map((place) => cells[place].element));
    cells[places[0]].element.classList.add("row-start");
    elements.push(row);
  }
  grid.replaceChildren(...elements);
}

function makeHeading(words) {
  const row = document.createElement("div");
  row.className = "row";
  row.setAttribute("role", "row");
  const heading = document.createElement("span");
  heading.className = "heading";
  heading.setAttribute("role", "rowheader");
  heading.textContent = words;
  row.append(heading);
  return row;
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
