// What a key or a button does: the actions of the key registry, on the labeller's state.

import { answerWords } from "./cells.js";
import { flush, post } from "./outbox.js";
import { ask } from "./requests.js";
import { showNote, speak } from "./bar.js";
import { openDialog, showComments, showWhy, showZoom } from "./dialogs.js";
import {
  answer, answerBehind, confirm, goOn, newUuid, originFor, redo, undo,
} from "./answering.js";
import { extend, moveCursor, select, selectGroup, selectRow, targets, toggle } from "./moving.js";
import { paintAt } from "./page.js";

const STATES = { skip: "skipped", unsure: "unsure", exclude: "excluded" };
const CONFIRMS = { confirm: "one", "confirm-row": "row", "confirm-page": "page" };
const TURN_WITHIN_MS = 8000;

/** Do what a key of the registry stands for. @returns {boolean} whether there was anything to do */
export function runAction(labeller, action) {
  const { parts } = labeller;
  if (parts.comment.open) return closes(parts.comment, action, ["clear-selection"]);
  if (parts.sheet.open) return closes(parts.sheet, action, ["key-sheet", "clear-selection"]);
  if (parts.why.open) return closes(parts.why, action, ["why", "clear-selection"]);
  if (parts.zoom.open && closes(parts.zoom, action, ["zoom", "clear-selection"])) return true;
  const [verb, direction] = action.split("-");
  if (verb === "move") return moveCursor(labeller, direction);
  if (action === "key-sheet") openDialog(parts.sheet);
  else if (action === "undo") void undo(labeller);
  else if (action === "redo") void redo(labeller);
  else if (labeller.turning) return true; // the images are about to change: nothing is labelled blind
  else if (action in STATES) answer(labeller, { kind: STATES[action], class_id: null });
  else if (action === "clear") answer(labeller, null);
  else if (action.startsWith("class:")) {
    answer(labeller, { kind: "class", class_id: Number(action.slice(6)) });
  } else if (action === "confirm") confirm(labeller, "one");
  else if (action === "comment") comment(labeller);
  else if (action === "why") void why(labeller);
  else if (parts.zoom.open) return true;
  else return runOnGrid(labeller, action, verb, direction);
  return true;
}

/** Those that need the grid in sight. */
function runOnGrid(labeller, action, verb, direction) {
  const { parts } = labeller;
  if (verb === "extend") extend(labeller, direction);
  else if (action in CONFIRMS) confirm(labeller, CONFIRMS[action]);
  else if (action === "select") toggle(labeller, labeller.cursor);
  else if (action === "select-row") selectRow(labeller);
  else if (action === "select-group") selectGroup(labeller);
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
  return closing.includes(action) || !dialog.classList.contains("zoom");
}

// -- the large image, reasons, comments

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

/** The reason of the image under the cursor, and the images it stands for. */
async function why(labeller) {
  const { parts, data } = labeller;
  const row = labeller.images[labeller.cursor];
  if (!row || !data.urls.why) return;
  const own = { ...row, url: `${data.urls.thumbnails}/${row.thumbnail}.jpg` };
  const like = () => labeller.trigger("like", row.id);
  showWhy(parts.why, own, { reason: row.reason, words: "Looking…", images: [] }, like);
  try {
    const found = await ask(labeller, data.urls.why, { image_id: row.id });
    const images = found.images.map((one) => ({
      ...one,
      url: `${data.urls.thumbnails}/${one.thumbnail}.jpg`,
      words: answerWords(one.state, labeller.classes),
    }));
    if (parts.why.open) showWhy(parts.why, own, { ...found, images }, like);
  } catch (error) {
    if (parts.why.open) {
      showWhy(parts.why, own, { reason: row.reason, words: error.message, images: [] }, like);
    }
  }
}

function comment(labeller) {
  const row = labeller.images[labeller.cursor];
  if (row) showComments(labeller.parts.comment, row);
}

/** Keep the comment as safely as a label: painted, kept by the browser, sent. */
export function addComment(labeller, text) {
  const row = labeller.images[labeller.cursor];
  if (!row || !text.trim()) return;
  row.comments = [...(row.comments ?? []), { annotator: labeller.annotator, text: text.trim() }];
  post(labeller.outbox, [
    {
      uuid: newUuid(), image_id: row.id, kind: "comment", text: text.trim(),
      client_time: Date.now(),
    },
  ]);
  paintAt(labeller, labeller.cursor);
  speak(labeller.parts, `Comment on ${row.name} kept.`);
}

// -- new classes

/** Say in the field which images the new class will go to; null for none in particular. */
export function nameFor(labeller, places) {
  labeller.namingFor = places;
  const count = places?.length ?? 0;
  const images = count === 1 ? "this image" : `these ${count} images`;
  labeller.parts.className.placeholder = count > 0 ? `New class for ${images}` : "New class (n)";
}

/**
 * Make the class typed into the field, and give it to the images it was opened for. The hand goes on
 * meanwhile: were the focus moved when the server answers, what is typed then would be taken for keys.
 */
export async function nameClass(labeller) {
  const { parts, outbox, data } = labeller;
  const name = parts.className.value.trim();
  if (!name) return parts.grid.focus();
  const byKey = labeller.namingFor !== null;
  const places = labeller.namingFor ?? [...labeller.selected].sort((a, b) => a - b);
  const rows = places.map((place) => labeller.images[place]);
  const origin = originFor(labeller, places);
  parts.className.value = "";
  if (places.length > 0) goOn(labeller, places);
  if (byKey) parts.grid.focus();
  try {
    const reply = await ask(labeller, data.urls.classes, { name });
    labeller.addClass(reply);
    showNote(parts, "");
    answerBehind(labeller, { kind: "class", class_id: reply.id, origin }, rows);
    void flush(outbox).then(() => labeller.changed());
  } catch (error) {
    if (!parts.className.value) parts.className.value = name;
    showNote(parts, `The class “${name}” is not made yet. ${error.message}`);
  }
}

// -- pages

/** Turn at once to a page that is here already; else Streamlit is asked for it. */
async function turnPage(labeller, step) {
  const { data, parts } = labeller;
  const wanted = labeller.page + step;
  if (labeller.turning || wanted < 0) return;
  if (labeller.outbox.sign === "saved" || labeller.outbox.sign === "saving") {
    if (wanted === data.page + 1 && data.next_images.length > 0) {
      labeller.showPage(wanted, data.next_images);
      labeller.turnTo(wanted);
      return;
    }
  }
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
    labeller.page = wanted;
    labeller.turnTo(wanted);
    setTimeout(() => labeller.setTurning(false), TURN_WITHIN_MS);
  }
}
