// The page of images: its cells made, answers painted on them, the server's replies taken in.

import { waitingByImage } from "./outbox.js";
import { arrangeRows, columnsOf, makeCell, paintAnswer, usualRatio } from "./cells.js";
import { rowsOf } from "./selection.js";
import { showNote, showProgress, showSuggested } from "./bar.js";
import { countForSuggestions, suggest, suggestionFor } from "./suggesting.js";
import { enterGroup, select, setCursor, showCursor } from "./moving.js";

// A script run that began before a label was stored still shows the image without it.
const STALE_FOR_MS = 3000;
const MARGIN_BELOW_PX = 20;

/** The answers of the data, but for images whose newest answer it cannot know yet. */
export function takeAnswers(labeller) {
  const waiting = waitingByImage(labeller.outbox);
  const now = Date.now();
  for (const [id, at] of labeller.storedAt) {
    if (now - at > STALE_FOR_MS) labeller.storedAt.delete(id);
  }
  let ahead = 0;
  for (const row of labeller.images) {
    if (row.suggestion) suggest(labeller, row.id, row.suggestion);
    const event = waiting.get(row.id);
    if (event) labeller.answers.set(row.id, answerOf(event));
    else if (!labeller.storedAt.has(row.id)) labeller.answers.set(row.id, row.state);
    const counts = (row.batch_id ?? labeller.data.batch?.id) === labeller.data.batch?.id;
    const gained = Number(Boolean(labeller.answers.get(row.id))) - Number(Boolean(row.state));
    if (counts) ahead += gained;
  }
  labeller.labelled = (labeller.data.batch?.labelled ?? 0) + ahead;
}

/** Make the cells of another page, whose rows are in `labeller.images`. */
export function build(labeller) {
  const { data, parts, images } = labeller;
  labeller.cells = images.map((row, place) =>
    makeCell(row, place, thumbnailUrl(data, row.thumbnail)),
  );
  labeller.columns = 0;
  arrange(labeller);
  labeller.sight.watch(labeller.cells.map((cell) => cell.element));
  images.forEach((_row, place) => paintAt(labeller, place));
  parts.grid.scrollTop = 0;
  labeller.setTurning(false);
  labeller.lastAnswerAt = Date.now();
  select(labeller, []);
  const first = images.findIndex((row) => !labeller.answers.get(row.id));
  labeller.anchor = Math.max(first, 0);
  setCursor(labeller, labeller.anchor, false);
  enterGroup(labeller);
  countSuggested(labeller);
  const { cells } = labeller;
  void Promise.allSettled(cells.map((cell) => cell.image.decode())).then(() => {
    if (labeller.cells === cells) fitRatio(labeller);
  });
}

/** Fetch and decode the pictures of the page that follows, so that turning to it shows them at once. */
export function prefetch(labeller) {
  const hashes = labeller.data.next_images.map((row) => row.thumbnail);
  if (labeller.prefetched.hashes === hashes.join()) return;
  const begin = () => {
    labeller.prefetched = {
      hashes: hashes.join(),
      images: hashes.map((hash) => {
        const ahead = new Image();
        ahead.src = thumbnailUrl(labeller.data, hash);
        void ahead.decode().catch(() => {});
        return ahead;
      }),
    };
  };
  void Promise.allSettled(labeller.cells.map((cell) => cell.image.decode())).then(begin);
}

/** Rows again, where the number of columns has changed. */
export function arrange(labeller) {
  const columns = columnsOf(labeller.parts.grid);
  if (columns === labeller.columns) return;
  labeller.columns = columns;
  const groups = labeller.images.map((row) => row.group ?? null);
  labeller.rows = rowsOf(groups, columns);
  for (const cell of labeller.cells) cell.element.classList.remove("row-start");
  arrangeRows(labeller.parts.grid, labeller.cells, labeller.rows, headingsOf(labeller, groups));
}

/** The words over each group. @returns {Map<number, string>} place -> words */
function headingsOf(labeller, groups) {
  const headings = new Map();
  groups.forEach((group, place) => {
    if (group === null || (place > 0 && groups[place - 1] === group)) return;
    const rows = labeller.images.filter((_row, other) => groups[other] === group);
    const found = rows.map((row) => labeller.suggestions.get(row.id)).find(Boolean);
    const name = found ? labeller.classes.get(found.class_id)?.name : null;
    const count = rows.length === 1 ? "1 image" : `${rows.length} images`;
    if (labeller.data.grouped === "likeness") headings.set(place, `${count} alike`);
    else headings.set(place, name ? `${name}? · ${count}` : `Nothing suggested · ${count}`);
  });
  return headings;
}

/** As high as the rest of the screen, so that the grid scrolls and what stands around it stays. */
export function fitHeight(labeller) {
  const { root } = labeller.parts;
  const scroller = root.getRootNode().host?.closest('[data-testid="stMain"]');
  const above = root.getBoundingClientRect().top + (scroller?.scrollTop ?? window.scrollY);
  const offset = above < window.innerHeight / 2 ? `${Math.round(above) + MARGIN_BELOW_PX}px` : "";
  root.style.setProperty("--labeller-offset", offset || "7rem");
}

export function resizeCells(labeller, size) {
  labeller.parts.slider.value = String(size);
  labeller.parts.grid.style.setProperty("--size", `${size}px`);
  arrange(labeller);
}

export function paintAt(labeller, place) {
  const row = labeller.images[place];
  const value = labeller.answers.get(row.id) ?? null;
  paintAnswer(labeller.cells[place], row, value, labeller.classes, suggestionFor(labeller, row));
}

/** All cells again, where only what stands on them may have changed. */
export function paintAll(labeller) {
  labeller.images.forEach((_row, place) => paintAt(labeller, place));
  countSuggested(labeller);
  showCursor(labeller);
}

/** Say how many suggestions the page has. */
export function countSuggested(labeller) {
  const count = labeller.images.filter((row) => suggestionFor(labeller, row)).length;
  showSuggested(labeller.parts, count);
}

/** An answer given here, on this page or on another. */
export function showAnswer(labeller, id, value, batchId) {
  const place = labeller.images.findIndex((row) => row.id === id);
  const known = labeller.answers.has(id);
  const before = Boolean(labeller.answers.get(id));
  if (known || place >= 0) labeller.answers.set(id, value);
  if ((labeller.data.batch?.id ?? null) === batchId && known) {
    labeller.labelled += Number(Boolean(value)) - Number(before);
  }
  if (place >= 0) paintAt(labeller, place);
  showLabelled(labeller);
}

export function showLabelled(labeller) {
  const { batch } = labeller.data;
  const { images } = labeller;
  if (batch) {
    const labelled = Math.min(Math.max(labeller.labelled, 0), batch.size);
    showProgress(labeller.parts, labelled, batch.size, "in this batch");
  } else {
    const labelled = images.filter((row) => labeller.answers.get(row.id)).length;
    showProgress(labeller.parts, labelled, images.length, "on this page");
  }
}

/** What the server has stored or refused. */
export function takeReply(labeller, sent, reply) {
  const { batch } = labeller.data;
  const refused = new Map(reply.refused.map((event) => [event.uuid, event.reason]));
  const waiting = waitingByImage(labeller.outbox);
  const answers = sent.filter((event) => event.kind !== "comment");
  for (const event of answers) {
    if (!refused.has(event.uuid)) labeller.storedAt.set(event.image_id, Date.now());
    else if (!waiting.has(event.image_id)) withdraw(labeller, event);
  }
  for (const { id, state } of reply.standing ?? []) {
    const given = answers.find((event) => event.image_id === id);
    if (state && given && !waiting.has(id)) showAnswer(labeller, id, state, given.batch_id);
  }
  countForSuggestions(labeller, answers.length, () => paintAll(labeller));
  if (refused.size > 0) {
    const [reason] = refused.values();
    const count = refused.size === 1 ? "One label was" : `${refused.size} labels were`;
    showNote(labeller.parts, `${count} refused: ${reason}`);
  }
  if (labeller.outbox.events.size === 0 && labeller.parts.note.dataset.tone === "waiting") {
    showNote(labeller.parts, "");
  }
  const all = batch && answers.length > 0 && answers.every((event) => event.batch_id === batch.id);
  if (all && labeller.outbox.events.size === 0 && reply.batch_left !== null) {
    labeller.labelled = batch.size - reply.batch_left;
    showLabelled(labeller);
    if (reply.batch_left === 0 && batch.labelled < batch.size) labeller.changed();
  }
}

/** Cells as wide as the page's images usually are, remembered for the next visit. */
function fitRatio(labeller) {
  const ratio = usualRatio(labeller.cells);
  if (ratio === null) return;
  labeller.parts.grid.style.setProperty("--ratio", String(ratio));
  labeller.store.set("ratio", ratio);
}

/** Show what stood before a refused event. */
function withdraw(labeller, event) {
  const row = labeller.images.find((image) => image.id === event.image_id);
  if (row) showAnswer(labeller, row.id, row.state, event.batch_id);
}

function answerOf(event) {
  return event.kind === "cleared" ? null : { kind: event.kind, class_id: event.class_id };
}

function thumbnailUrl(data, hash) {
  return `${data.urls.thumbnails}/${hash}.jpg`;
}
