// Suggestions: fetched while one labels, painted as suggestions, taken with one key.

import { ask } from "./requests.js";

const FIRST_ASK_MS = 400;
const ASK_AGAIN_MS = 2500;
const EVERY_LABELS = 8; // so many new labels: what the server suggests may have changed
const MOST_TRIES = 12;
const SEEN_AFTER_MS = 800; // what has changed under the eye is not taken before it can have been read

/** Ask for the suggestions of this page soon, and again until none newer is being computed. */
export function refreshSuggestions(labeller, paint) {
  clearTimeout(labeller.suggesting.timer);
  labeller.suggesting.tries = 0;
  labeller.suggesting.labels = 0;
  askIn(labeller, paint, FIRST_ASK_MS);
}

/** Labels have been stored: after some of them the suggestions are asked for again. */
export function countForSuggestions(labeller, count, paint) {
  labeller.suggesting.labels += count;
  if (labeller.suggesting.labels >= EVERY_LABELS) refreshSuggestions(labeller, paint);
}

/** @returns {{class_id: number, probability: number, source: string}|null} for an open image */
export function suggestionFor(labeller, row) {
  if (labeller.answers.get(row.id)) return null;
  const found = labeller.suggestions.get(row.id) ?? null;
  return found && labeller.classes.has(found.class_id) ? found : null;
}

/** Whether an image's suggestion has changed so lately that a key meant the one before. */
export function justChanged(labeller, row) {
  const at = labeller.suggesting.changedAt.get(row.id);
  return at !== undefined && performance.now() - at < SEEN_AFTER_MS;
}

/** Take in what is suggested for an image now; null: nothing. */
export function suggest(labeller, id, found) {
  const before = labeller.suggestions.get(id);
  if (!found) labeller.suggestions.delete(id);
  else labeller.suggestions.set(id, found);
  if (before && found && before.class_id !== found.class_id) {
    labeller.suggesting.changedAt.set(id, performance.now());
  }
}

function askIn(labeller, paint, milliseconds) {
  labeller.suggesting.timer = setTimeout(() => void askNow(labeller, paint), milliseconds);
}

async function askNow(labeller, paint) {
  const url = labeller.data.urls.suggestions;
  if (!url || document.hidden) return;
  const ids = labeller.images.map((row) => row.id);
  try {
    const reply = await ask(labeller, url, { image_ids: ids });
    for (const id of ids) suggest(labeller, id, reply.suggestions[id] ?? null);
    paint();
    labeller.suggesting.tries += 1;
    const again = !reply.fresh && labeller.suggesting.tries < MOST_TRIES;
    if (again) askIn(labeller, paint, ASK_AGAIN_MS);
  } catch {
    // Suggestions are a help, no promise: labelling goes on without them.
  }
}
