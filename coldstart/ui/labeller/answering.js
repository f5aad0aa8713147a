// Answers: given, taken from suggestions, undone and redone. Paint first, then keep and send.

import {
  fetchOlder, historyReach, remember, runsShort, stepBack, stepForward,
} from "./history.js";
import { nextOpen, rowAt } from "./selection.js";
import { answerWords } from "./cells.js";
import { post } from "./outbox.js";
import { ask } from "./requests.js";
import { showNote, showPace, speak } from "./bar.js";
import { enterGroup, select, setCursor, showCursor, targets } from "./moving.js";
import { countSuggested } from "./page.js";
import { justChanged, suggestionFor } from "./suggesting.js";

const LONGEST_ANSWER_MS = 120000; // longer pauses were not spent on one image
const HAND_ORIGINS = new Set(["human", "cluster", "model"]);

/** Give an answer to the selection or the image under the cursor, then go on to the next. */
export function answer(labeller, value) {
  const places = targets(labeller);
  const given = value && { ...value, origin: originFor(labeller, places) };
  if (!give(labeller, places.map((place) => [labeller.images[place], given]))) return;
  if (value) goOn(labeller, places);
  else {
    if (!labeller.parts.zoom.open && labeller.selected.size > 0) select(labeller, []);
    showCursor(labeller);
  }
}

/** Give an answer to images that the cursor has left already, on whatever page they are. */
export function answerBehind(labeller, value, rows) {
  give(labeller, rows.map((row) => [row, value]));
}

/** How an answer to these places comes about: image by image, or for look-alikes together. */
export function originFor(labeller, places) {
  return labeller.ofOneKind && places.length > 1 ? "cluster" : "human";
}

/** Leave these places: nothing is selected, and the cursor is on the next open image. */
export function goOn(labeller, places) {
  if (!labeller.parts.zoom.open && labeller.selected.size > 0) select(labeller, []);
  advance(labeller, Math.max(...places));
}

/** Take what is suggested: for the selection or the cursor, its row, or the page. */
export function confirm(labeller, reach) {
  const wanted = { one: targets, row: rowHere, page: wholePage }[reach](labeller);
  const changed = wanted.filter((place) => justChanged(labeller, labeller.images[place]));
  const taken = wanted.filter(
    (place) => !changed.includes(place) && suggestionFor(labeller, labeller.images[place]),
  );
  const given = taken.map((place) => {
    const row = labeller.images[place];
    const { class_id } = suggestionFor(labeller, row);
    return [row, { kind: "class", class_id, origin: "model" }];
  });
  if (give(labeller, given)) goOn(labeller, taken);
  if (changed.length > 0) {
    const words = changed.length === 1
      ? "One suggestion has just changed and was not taken: look again."
      : `${changed.length} suggestions have just changed and were not taken: look again.`;
    showNote(labeller.parts, words, "calm");
  } else if (given.length === 0) showNote(labeller.parts, "Nothing is suggested here: label it with a class's key.", "calm");
}

/** @param {[object, object|null][]} given image and answer @returns {boolean} whether any was */
function give(labeller, given) {
  const changes = given.map(([row, value]) => {
    const shown = labeller.answers.get(row.id) ?? null;
    const own = shown && (shown.annotator ?? labeller.annotator) === labeller.annotator;
    return {
      id: row.id, name: row.name, batch_id: row.batch_id ?? labeller.data.batch?.id ?? null,
      before: own ? shown : null, shown, after: value,
      suggestion: value?.kind === "class" ? suggestionFor(labeller, row) : null,
    };
  });
  if (changes.length === 0) return false;
  const now = Date.now();
  const spent = now - labeller.lastAnswerAt;
  labeller.lastAnswerAt = now;
  const step = { step: newUuid(), changes };
  remember(labeller.history, step);
  apply(labeller, step, "after", null, spent <= LONGEST_ANSWER_MS ? spent / 1000 : null);
  if (given.some(([, value]) => value)) {
    labeller.recent.push({ at: now, count: changes.length });
    showPace(labeller.parts, labeller.recent);
  }
  speak(labeller.parts, sentenceFor(labeller, changes, "after"));
  return true;
}

/** Undo the newest step, on whatever page its images are; older ones are fetched if need be. */
export async function undo(labeller) {
  const { history } = labeller;
  // Several presses may wait for the same steps, and use them up before this one's turn comes.
  while (history.undo.length === 0 && (history.more || history.loading)) {
    const { oldest } = history;
    await older(labeller);
    if (history.oldest === oldest) break; // no answer: the next undo asks again
  }
  restore(labeller, stepBack(history), "before", "undo");
  if (runsShort(history)) void older(labeller);
}

/** Redo the step that was undone last. */
export async function redo(labeller) {
  const { history } = labeller;
  if (history.redo.length === 0 && history.loading) await history.loading;
  restore(labeller, stepForward(history), "after", "redo");
}

/** Fetch the steps that can be undone, the first time or further back. */
export async function older(labeller) {
  const url = labeller.data.urls.history;
  if (!url) return;
  const { history } = labeller;
  await fetchOlder(history, (before) => ask(labeller, url, { before }));
  if (labeller.history === history) showReach(labeller);
}

export function showReach(labeller) {
  const reach = historyReach(labeller.history);
  labeller.parts.undo.disabled = !reach.undo;
  labeller.parts.redo.disabled = !reach.redo;
}

function restore(labeller, step, side, action) {
  if (!step) return speak(labeller.parts, `Nothing to ${action}.`);
  apply(labeller, step, side, action, null);
  const { changes } = step;
  const sentence = sentenceFor(labeller, changes, side);
  const place = labeller.images.findIndex((row) => row.id === changes[0].id);
  if (place >= 0) setCursor(labeller, place);
  else showNote(labeller.parts, `On another page: ${sentence}`, "calm");
  return speak(labeller.parts, sentence);
}

/** Paint first, then keep and send. */
function apply(labeller, step, side, action, spentS) {
  showNote(labeller.parts, "");
  const { changes } = step;
  for (const change of changes) {
    labeller.show(change.id, side === "before" ? (change.shown ?? change.before) : change.after,
      change.batch_id);
  }
  const events = changes.map((change) => ({
    ...eventOf(change, change[side]),
    seconds: spentS === null ? null : Math.round((1000 * spentS) / changes.length) / 1000,
    step: step.step,
    step_action: action,
  }));
  post(labeller.outbox, events);
  countSuggested(labeller);
  showReach(labeller);
}

function eventOf(change, value) {
  return {
    uuid: newUuid(),
    image_id: change.id,
    kind: value?.kind ?? "cleared",
    class_id: value?.class_id ?? null,
    batch_id: change.batch_id,
    client_time: Date.now(),
    origin: HAND_ORIGINS.has(value?.origin) ? value.origin : "human",
    suggestion: value === change.after ? (change.suggestion ?? null) : null,
  };
}

function advance(labeller, from) {
  const open = (place) => !labeller.answers.get(labeller.images[place].id);
  const next = nextOpen(labeller.cells.length, from, open);
  const place = next >= 0 ? next : Math.min(from + 1, labeller.cells.length - 1);
  labeller.anchor = place;
  setCursor(labeller, place);
  enterGroup(labeller);
}

function rowHere(labeller) {
  return rowAt(labeller.rows, labeller.cursor);
}

function wholePage(labeller) {
  return [...labeller.images.keys()];
}

function sentenceFor(labeller, changes, side) {
  const words = answerWords(changes[0][side], labeller.classes);
  const rest = changes.length > 1 ? ` and ${changes.length - 1} more` : "";
  return `${changes[0].name}${rest}: ${words}.`;
}

// `crypto.randomUUID` exists only on https and localhost; a team's server may be neither.
export function newUuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
