// Suggestions: fetched while one labels, painted as suggestions, taken with one key.

import { ask } from "./requests.js";

const FIRST_ASK_MS = 400;
const ASK_AGAIN_MS = 2500;
const EVERY_LABELS = 8; // so many new labels: what the server suggests may have changed
const MOST_TRIES = 12;

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

function askIn(labeller, paint, milliseconds) {
  labeller.suggesting.timer = setTimeout(() => void askNow(labeller, paint), milliseconds);
}

async function askNow(labeller, paint) {
  const url = labeller.data.urls.suggestions;
  if (!url || document.hidden) return;
  const ids = labeller.images.map((row) => row.id);
  try {
    const reply = await ask(labeller, url, { image_ids: ids });
    for (const id of ids) labeller.suggestions.delete(id);
    for (const [id, found] of Object.entries(reply.suggestions)) {
      labeller.suggestions.set(Number(id), found);
    }
    paint();
    labeller.suggesting.tries += 1;
    const again = !reply.fresh && labeller.suggesting.tries < MOST_TRIES;
    if (again) askIn(labeller, paint, ASK_AGAIN_MS);
  } catch {
    // Suggestions are a help, no promise: labelling goes on without them.
  }
}
