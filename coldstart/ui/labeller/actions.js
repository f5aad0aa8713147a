// What a key or a button does: the actions of the key registry, on the labeller's state.

import { historyReach, remember, stepBack, stepForward } from "./history.js";
import { nextOpen, moved, rangeOf } from "./selection.js";
import { answerWords } from "./cells.js";
import { flush, post } from "./outbox.js";
import { showAbout, showChosen, showPace, showNote, speak } from "./bar.js";
import { openDialog, showZoom } from "./dialogs.js";

const LONGEST_ANSWER_MS = 120000; // longer pauses were not spent on one image
const STATES = { skip: "skipped", unsure: "unsure", exclude: "excluded" };
const TURN_WITHIN_MS = 8000;

/** Do what a key of the registry stands for. @returns {boolean} whether there was anything to do */
export function runAction(labeller, action) {
  const { parts } = labeller;
  if (parts.sheet.open) return closes(parts.sheet, action, ["key-sheet", "clear-selection"]);
  if (parts.zoom.open && closes(parts.zoom, action, ["zoom", "clear-selection"])) return true;
  const [verb, direction] = action.split("-");
  if (verb === "move") return moveCursor(labeller, direction);
  if (action === "key-sheet") openDialog(parts.sheet);
  else if (action === "undo") restore(labeller, stepBack(labeller.store), "before");
  else if (action === "redo") restore(labeller, stepForward(labeller.store), "after");
  else if (labeller.turning) return true; // the images are about to change: nothing is labelled blind
  else if (action in STATES) answer(labeller, { kind: STATES[action], class_id: null });
  else if (action === "clear") answer(labeller, null);
  else if (action.startsWith("class:")) {
    answer(labeller, { kind: "class", class_id: Number(action.slice(6)) });
  } else if (parts.zoom.open) return true;
  else return runOnGrid(labeller, action, verb, direction);
  return true;
}

/** Those that need the grid in sight. */
function runOnGrid(labeller, action, verb, direction) {
  const { parts } = labeller;
  if (verb === "extend") extend(labeller, direction);
  else if (action === "select") toggle(labeller, labeller.cursor);
  else if (action === "select-all") select(labeller, labeller.cells.keys());
  else if (action === "clear-selection") {
    if (labeller.selected.size === 0) return false;
    select(labeller, []);
  } else if (action === "zoom") zoom(labeller);
  else if (action === "new-class") {
    nameFor(labeller, targets(labeller));
    parts.className.focus();
  } else if (action === "next-page") void turnPage(labeller, 1);
  else if (action === "previous-page") void turnPage(labeller, -1);
  else return false;
  return true;
}

function closes(dialog, action, closing) {
  if (closing.includes(action)) dialog.close();
  return closing.includes(action) || dialog.classList.contains("sheet");
}

// -- cursor and selection

export function setCursor(labeller, place, scroll = true) {
  labeller.cells[labeller.cursor]?.element.classList.remove("cursor");
  labeller.cursor = Math.max(0, Math.min(labeller.cells.length - 1, place));
  const cell = labeller.cells[labeller.cursor];
  if (cell) {
    cell.element.classList.add("cursor");
    labeller.parts.grid.setAttribute("aria-activedescendant", cell.element.id);
    if (scroll) cell.element.scrollIntoView({ block: "nearest" });
  }
  showCursor(labeller);
}

/** The footer, and the large image if one is shown. */
export function showCursor(labeller) {
  const row = labeller.images[labeller.cursor];
  const words = row ? answerWords(labeller.answers.get(row.id) ?? null, labeller.classes) : "";
  showAbout(labeller.parts, row, words);
  if (labeller.parts.zoom.open && row) zoom(labeller);
}

/** @param {Iterable<number>} places @param {boolean} passing dropped when the cursor moves on */
export function select(labeller, places, passing = false) {
  labeller.selected = new Set(places);
  labeller.passing = passing;
  labeller.cells.forEach(({ element }, place) => {
    element.setAttribute("aria-selected", String(labeller.selected.has(place)));
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

function toggle(labeller, place) {
  const places = new Set(labeller.selected);
  if (!places.delete(place)) places.add(place);
  labeller.anchor = place;
  select(labeller, places);
}

function moveCursor(labeller, direction) {
  const place = moved(labeller.cursor, direction, labeller.columns, labeller.cells.length);
  if (labeller.passing) select(labeller, []);
  labeller.anchor = place;
  setCursor(labeller, place);
  return true;
}

function extend(labeller, direction) {
  const place = moved(labeller.cursor, direction, labeller.columns, labeller.cells.length);
  select(labeller, rangeOf(labeller.anchor, place), true);
  setCursor(labeller, place);
}

/** The places an answer goes to: the selection, or the image under the cursor. */
export function targets(labeller) {
  const selected = labeller.parts.zoom.open ? [] : [...labeller.selected].sort((a, b) => a - b);
  if (selected.length > 0) return selected;
  return labeller.images[labeller.cursor] ? [labeller.cursor] : [];
}

// -- answers

/** Give an answer to the selection or the image under the cursor, then go on to the next. */
export function answer(labeller, value, places = targets(labeller)) {
  const changes = places.map((place) => {
    const row = labeller.images[place];
    const before = labeller.answers.get(row.id) ?? null;
    const batchId = row.batch_id ?? labeller.data.batch?.id ?? null;
    return { id: row.id, name: row.name, batch_id: batchId, before, after: value };
  });
  if (changes.length === 0) return;
  const now = Date.now();
  const spent = now - labeller.lastAnswerAt;
  labeller.lastAnswerAt = now;
  remember(labeller.store, changes);
  apply(labeller, changes, "after", spent <= LONGEST_ANSWER_MS ? spent / 1000 : null);
  if (value) {
    labeller.recent.push({ at: now, count: changes.length });
    showPace(labeller.parts, labeller.recent);
    advance(labeller, places[places.length - 1]);
  }
  if (!labeller.parts.zoom.open && labeller.selected.size > 0) select(labeller, []);
  showCursor(labeller);
  speak(labeller.parts, sentenceFor(labeller, changes, "after"));
}

/** Undo or redo one step, on whatever page its images are. */
function restore(labeller, changes, side) {
  if (!changes) return speak(labeller.parts, `Nothing to ${side === "before" ? "undo" : "redo"}.`);
  apply(labeller, changes, side, null);
  const sentence = sentenceFor(labeller, changes, side);
  const place = labeller.images.findIndex((row) => row.id === changes[0].id);
  if (place >= 0) setCursor(labeller, place);
  else showNote(labeller.parts, `On another page: ${sentence}`, "calm");
  return speak(labeller.parts, sentence);
}

/** Paint first, then keep and send. */
function apply(labeller, changes, side, spentS) {
  showNote(labeller.parts, "");
  for (const change of changes) labeller.show(change.id, change[side], change.batch_id);
  const shared = changes.length;
  post(labeller.outbox, changes.map((change) => eventOf(change, change[side], spentS, shared)));
  showReach(labeller);
}

function eventOf(change, value, spentS, shared) {
  return {
    uuid: newUuid(),
    image_id: change.id,
    kind: value?.kind ?? "cleared",
    class_id: value?.class_id ?? null,
    batch_id: change.batch_id,
    client_time: Date.now(),
    seconds: spentS === null ? null : Math.round((1000 * spentS) / shared) / 1000,
  };
}

export function showReach(labeller) {
  const reach = historyReach(labeller.store);
  labeller.parts.undo.disabled = !reach.undo;
  labeller.parts.redo.disabled = !reach.redo;
}

function advance(labeller, from) {
  const open = (place) => !labeller.answers.get(labeller.images[place].id);
  const next = nextOpen(labeller.cells.length, from, open);
  const place = next >= 0 ? next : Math.min(from + 1, labeller.cells.length - 1);
  labeller.anchor = place;
  setCursor(labeller, place);
}

function sentenceFor(labeller, changes, side) {
  const words = answerWords(changes[0][side], labeller.classes);
  const rest = changes.length > 1 ? ` and ${changes.length - 1} more` : "";
  return `${changes[0].name}${rest}: ${words}.`;
}

// `crypto.randomUUID` exists only on https and localhost; a team's server may be neither.
function newUuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

// -- the large image, new classes, pages

export function zoom(labeller) {
  const row = labeller.images[labeller.cursor];
  if (!row) return;
  const words = answerWords(labeller.answers.get(row.id) ?? null, labeller.classes);
  const caption = [`${row.name}, ${words}`, row.reason].filter(Boolean).join(" · ");
  showZoom(labeller.parts.zoom, imageUrl(labeller, row), row.name, caption);
  const next = labeller.images[labeller.cursor + 1];
  if (next) new Image().src = imageUrl(labeller, next); // there before the arrow is pressed
}

function imageUrl(labeller, row) {
  return `${labeller.data.urls.images}/${row.id}/${row.thumbnail}.jpg`;
}

/** Say in the field which images the new class will go to; null for none in particular. */
export function nameFor(labeller, places) {
  labeller.namingFor = places;
  const count = places?.length ?? 0;
  const images = count === 1 ? "this image" : `these ${count} images`;
  labeller.parts.className.placeholder = count > 0 ? `New class for ${images}` : "New class (n)";
}

/** Make the class typed into the field, and give it to the images it was opened for. */
export async function nameClass(labeller) {
  const { parts, outbox, data } = labeller;
  const name = parts.className.value.trim();
  if (!name) return parts.grid.focus();
  const places = labeller.namingFor ?? [...labeller.selected].sort((a, b) => a - b);
  try {
    const response = await fetch(data.urls.classes, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${outbox.token}` },
      body: JSON.stringify({ name }),
    });
    const reply = await response.json();
    if (response.status === 401) labeller.expired();
    if (!response.ok) throw new Error([reply.error, reply.remedy].filter(Boolean).join(" "));
    labeller.addClass(reply);
    parts.className.value = "";
    showNote(parts, "");
    if (places.length > 0) answer(labeller, { kind: "class", class_id: reply.id }, places);
    if (labeller.namingFor) parts.grid.focus();
    void flush(outbox).then(() => labeller.changed());
  } catch (error) {
    const why = error instanceof TypeError ? "The server cannot be reached." : error.message;
    showNote(parts, `The class “${name}” is not made yet. ${why}`);
  }
}

/** Everything is saved first; then Streamlit is asked for the page. */
async function turnPage(labeller, step) {
  const { data, parts } = labeller;
  const wanted = data.page + step;
  if (labeller.turning || wanted < 0) return;
  labeller.setTurning(true);
  const saved = await flush(labeller.outbox);
  if (!saved) {
    const why = "The page stays until its labels are saved; the server does not answer.";
    showNote(parts, why, "waiting");
    labeller.setTurning(false);
  } else if (wanted >= data.pages) {
    labeller.setTurning(false);
    const open = labeller.images.filter((row) => !labeller.answers.get(row.id)).length;
    speak(parts, open ? `This is the last page; ${open} images are unlabelled.` : "All done.");
    labeller.changed();
  } else {
    labeller.turnTo(wanted);
    setTimeout(() => labeller.setTurning(false), TURN_WITHIN_MS);
  }
}
