// The cursor, the selection, and which images a key goes to.

import { moved, rangeOf, rowAt } from "./selection.js";
import { answerWords } from "./cells.js";
import { showAbout, showChosen } from "./bar.js";
import { suggestionFor } from "./suggesting.js";

export function setCursor(labeller, place, scroll = true) {
  labeller.cells[labeller.cursor]?.element.classList.remove("cursor");
  labeller.cursor = Math.max(0, Math.min(labeller.cells.length - 1, place));
  const cell = labeller.cells[labeller.cursor];
  if (cell) {
    cell.element.classList.add("cursor");
    labeller.parts.grid.setAttribute("aria-activedescendant", cell.element.id);
    if (scroll) bringInSight(labeller);
  }
  showCursor(labeller);
}

/**
 * In the next frame, and only for a cell that is not wholly in sight: to ask is to lay the whole page
 * out once more.
 */
function bringInSight(labeller) {
  if (labeller.scrolling || labeller.sight.has(labeller.cells[labeller.cursor].element)) return;
  labeller.scrolling = true;
  requestAnimationFrame(() => {
    labeller.scrolling = false;
    labeller.cells[labeller.cursor]?.element.scrollIntoView({ block: "nearest" });
  });
}

/** Which cells of the page are wholly in sight, as the browser tells it. */
export function watchSight() {
  const inSight = new Set();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio } of entries) {
        if (intersectionRatio > 0.99) inSight.add(target);
        else inSight.delete(target);
      }
    },
    { threshold: [0.99, 1] },
  );
  return {
    has: (element) => inSight.has(element),
    watch: (elements) => {
      observer.disconnect();
      inSight.clear();
      for (const element of elements) observer.observe(element);
    },
  };
}

/** The footer, and the large image if one is shown. */
export function showCursor(labeller) {
  const row = labeller.images[labeller.cursor];
  const suggestion = row ? suggestionFor(labeller, row) : null;
  let words = row ? answerWords(labeller.answers.get(row.id) ?? null, labeller.classes) : "";
  if (suggestion) {
    const name = labeller.classes.get(suggestion.class_id).name;
    words += `, suggested: ${name}, ${Math.round(100 * suggestion.probability)}%`;
  }
  showAbout(labeller.parts, row, words);
  if (labeller.parts.zoom.open && row) labeller.showLarge();
}

/** @param {Iterable<number>} places @param {boolean} passing dropped when the cursor moves on */
export function select(labeller, places, passing = false) {
  labeller.selected = new Set(places);
  labeller.passing = passing;
  labeller.ofOneKind = false;
  labeller.cells.forEach((cell, place) => {
    const chosen = labeller.selected.has(place);
    if (cell.chosen === chosen) return;
    cell.chosen = chosen;
    cell.element.setAttribute("aria-selected", String(chosen));
  });
  showChosen(labeller.parts, labeller.selected.size);
}

export function clickOn(labeller, place, how) {
  if (how === "one") {
    labeller.anchor = place;
    select(labeller, [place], true);
  } else if (how === "toggle") toggle(labeller, place);
  else select(labeller, [...labeller.selected, ...rangeOf(labeller.anchor, place)]);
  setCursor(labeller, place);
}

export function toggle(labeller, place) {
  const { ofOneKind } = labeller;
  const places = new Set(labeller.selected);
  if (!places.delete(place)) places.add(place);
  labeller.anchor = place;
  select(labeller, places);
  labeller.ofOneKind = ofOneKind;
}

export function moveCursor(labeller, direction) {
  const before = groupAt(labeller, labeller.cursor);
  const place = moved(labeller.cursor, direction, labeller.rows);
  if (labeller.passing) select(labeller, []);
  labeller.anchor = place;
  setCursor(labeller, place);
  if (groupAt(labeller, place) !== before) enterGroup(labeller);
  return true;
}

export function extend(labeller, direction) {
  const place = moved(labeller.cursor, direction, labeller.rows);
  select(labeller, rangeOf(labeller.anchor, place), true);
  setCursor(labeller, place);
}

/** Select the cursor's row; if all of it is selected, take it out. */
export function selectRow(labeller) {
  const row = rowAt(labeller.rows, labeller.cursor);
  const all = row.every((place) => labeller.selected.has(place));
  const rest = [...labeller.selected].filter((place) => !row.includes(place));
  select(labeller, all ? rest : [...labeller.selected, ...row]);
  labeller.ofOneKind = !all;
}

/** Select the open images of the cursor's group. */
export function selectGroup(labeller) {
  const group = groupAt(labeller, labeller.cursor);
  const open = labeller.images.flatMap((row, place) =>
    groupAt(labeller, place) === group && !labeller.answers.get(row.id) ? [place] : [],
  );
  if (group === null) return selectRow(labeller);
  select(labeller, open, true);
  labeller.ofOneKind = true;
  return undefined;
}

/** In likeness order a group is selected as the cursor comes to it: one key labels it. */
export function enterGroup(labeller) {
  const row = labeller.images[labeller.cursor];
  if (labeller.data.grouped !== "likeness" || labeller.parts.zoom.open) return;
  if (row && !labeller.answers.get(row.id)) selectGroup(labeller);
}

/** The places an answer goes to: the selection, or the image under the cursor. */
export function targets(labeller) {
  const selected = labeller.parts.zoom.open ? [] : [...labeller.selected].sort((a, b) => a - b);
  if (selected.length > 0) return selected;
  return labeller.images[labeller.cursor] ? [labeller.cursor] : [];
}

function groupAt(labeller, place) {
  return labeller.images[place]?.group ?? null;
}
