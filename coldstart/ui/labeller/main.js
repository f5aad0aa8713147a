// The labeller's state, and how it follows the data of each script run. Streamlit calls the default
// export again with the same parentElement whenever the data or the theme changes.

import { openStore } from "./storage.js";
import { attend, flush, leaveAlone, openOutbox, renewToken, signText } from "./outbox.js";
import { openHistory } from "./history.js";
import { listenToPointer } from "./pointer.js";
import { listenToKeys } from "./keyboard.js";
import {
  partsOf, showClasses, showNote, showPace, showPages, showPerPage, showSign, showStates,
} from "./bar.js";
import { closeByMouse, fillSheet, foreignDialogOpen, listenToComment } from "./dialogs.js";
import { returnImages } from "./leaving.js";
import { refreshSuggestions } from "./suggesting.js";
import { clickOn, select, showCursor, watchSight } from "./moving.js";
import { older, showReach } from "./answering.js";
import { addComment, nameClass, nameFor, runAction, zoom } from "./actions.js";
import {
  arrange, build, fitHeight, paintAll, prefetch, resizeCells, showAnswer, showLabelled, takeAnswers,
  takeReply,
} from "./page.js";

/**
 * @typedef {object} ImageRow
 * @property {number} id
 * @property {string} name
 * @property {string} path
 * @property {string} thumbnail content hash
 * @property {{kind: string, class_id: number|null}|null} state
 * @property {string|null} reason
 * @property {number|null} rank
 * @property {number|null} [batch_id] where it is not the page's
 * @property {number|null} [group] images of one group stand together
 * @property {{class_id: number, probability: number, source: string}|null} [suggestion]
 * @property {{annotator: string, text: string}[]} [comments]
 *
 * @typedef {object} Data what Python sends, see `grid_labeller`
 * @property {string} project_key
 * @property {string} token
 * @property {ImageRow[]} images
 * @property {{id: number, name: string, key: string, color: string}[]} classes
 * @property {string[]} class_keys
 * @property {{id: number, size: number, labelled: number}|null} batch
 * @property {number} page
 * @property {number} pages
 * @property {{labels: string, classes: string, thumbnails: string, images: string}} urls
 * @property {{key: string, action: string, words: string}[]} keys
 * @property {ImageRow[]} next_images the page that follows, to be turned to at once
 * @property {""|"likeness"|"suggested"} grouped
 * @property {number} per_page
 * @property {number[]} per_page_choices
 */

const USUAL_SIZE = 132;
const PACE_EVERY_MS = 2000;
const mounted = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".labeller");
  if (!root || !data) return undefined;
  let labeller = mounted.get(root);
  if (!labeller) {
    labeller = mount(root, data);
    mounted.set(root, labeller);
  }
  labeller.trigger = setTriggerValue;
  update(labeller, data);
  return () => {
    unmount(labeller);
    mounted.delete(root);
  };
}

/** Everything that is made once for a mount. */
function mount(root, data) {
  const parts = partsOf(root);
  const labeller = {
    parts, data, images: [], cells: [], rows: [], columns: 1, cursor: 0, anchor: 0, page: 0,
    selected: new Set(), passing: false, ofOneKind: false, annotator: "", history: openHistory(),
    suggestions: new Map(), suggesting: { timer: 0, tries: 0, labels: 0, changedAt: new Map() }, awaited: null, answers: new Map(), storedAt: new Map(),
    classes: new Map(), ownClasses: [], actions: new Map(), store: null, outbox: null,
    outboxName: "", labelled: 0, recent: [], lastAnswerAt: Date.now(), namingFor: null,
    imagesShown: "", keysShown: "", classesShown: "", settings: null, turning: false, scrolling: false,
    sight: watchSight(),
    trigger: (_name, _value) => {}, cleanups: [], prefetched: { hashes: "", images: [] },
  };
  labeller.show = (id, value, batchId) => showAnswer(labeller, id, value, batchId);
  labeller.addClass = (row) => addClass(labeller, row);
  labeller.expired = () => labeller.trigger("token_expired", Date.now());
  labeller.changed = () => labeller.trigger("changed", Date.now());
  labeller.turnTo = (page) => labeller.trigger("page", page);
  labeller.showPage = (page, rows) => showPage(labeller, page, rows);
  labeller.showLarge = () => zoom(labeller);
  labeller.setTurning = (turning) => {
    labeller.turning = turning;
    parts.grid.setAttribute("aria-busy", String(turning));
  };

  const keys = listenToKeys({
    grid: parts.grid,
    visible: () => root.isConnected && root.getClientRects().length > 0,
    dialogOpen: () => foreignDialogOpen(ownDialogs(parts)),
    actionOf: (chord) => labeller.actions.get(chord) ?? null,
    run: (action) => runAction(labeller, action),
    unknown: (chord) => explainKey(labeller, chord),
  });
  const columns = new ResizeObserver(() => arrange(labeller));
  columns.observe(parts.grid);
  const fit = () => fitHeight(labeller);
  window.addEventListener("resize", fit);
  const leave = () => returnImages(labeller);
  window.addEventListener("pagehide", leave);
  const pace = setInterval(() => {
    showPace(parts, labeller.recent);
    fit(); // what stands above may have grown meanwhile
  }, PACE_EVERY_MS);
  labeller.cleanups.push(
    keys, () => columns.disconnect(), () => window.removeEventListener("resize", fit),
    () => clearInterval(pace), () => labeller.sight.watch([]), () => window.removeEventListener("pagehide", leave),
  );

  listenToPointer(parts.grid, {
    cells: () => labeller.cells,
    selected: () => labeller.selected,
    select: (places) => select(labeller, places),
    click: (place, how) => clickOn(labeller, place, how),
    open: () => zoom(labeller),
    focus: () => parts.grid.focus({ preventScroll: true }),
  });
  listenToBar(labeller);
  for (const dialog of ownDialogs(parts)) closeByMouse(dialog);
  listenToComment(parts.comment, (text) => addComment(labeller, text));
  return labeller;
}

function ownDialogs(parts) {
  return [parts.zoom, parts.sheet, parts.why, parts.comment];
}

/** Buttons, slider and the field for a new class. */
function listenToBar(labeller) {
  const { parts } = labeller;
  const { root } = parts;
  root.addEventListener("pointerdown", (event) => {
    // A click on a button leaves the focus on the grid, where Enter and Space mean the grid's own.
    const onButton = event.composedPath().some((node) => node instanceof HTMLButtonElement);
    if (onButton && !ownDialogs(parts).some((dialog) => dialog.open)) {
      event.preventDefault();
      parts.grid.focus({ preventScroll: true });
    }
  });
  for (const button of root.querySelectorAll("button[data-action]")) {
    button.addEventListener("click", () => runAction(labeller, button.dataset.action));
  }
  parts.naming.addEventListener("submit", (event) => {
    event.preventDefault();
    void nameClass(labeller);
  });
  parts.className.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    parts.className.value = "";
    parts.grid.focus();
  });
  parts.className.addEventListener("blur", () => nameFor(labeller, null));
  parts.slider.addEventListener("input", () => {
    resizeCells(labeller, Number(parts.slider.value));
    labeller.settings.set("size", Number(parts.slider.value));
  });
  parts.perPage.addEventListener("change", () => {
    parts.grid.focus({ preventScroll: true });
    labeller.trigger("per_page", Number(parts.perPage.value));
  });
  parts.slider.addEventListener("pointerup", () => parts.grid.focus({ preventScroll: true }));
}

/** Follow the data of a script run. @param {Data} data */
function update(labeller, data) {
  const { parts } = labeller;
  labeller.data = data;
  openStores(labeller);
  labeller.outbox.url = data.urls.labels;
  takeClasses(labeller);
  // A run that began before the page was turned here still brings the page before.
  const early = labeller.awaited !== null && data.page !== labeller.awaited;
  if (!early) {
    labeller.awaited = null;
    labeller.page = data.page;
    labeller.images = data.images;
  }
  takeAnswers(labeller);
  fitHeight(labeller);
  requestAnimationFrame(() => fitHeight(labeller)); // once the page around it has been laid out
  const shown = shownPage(labeller.page, labeller.images, data.grouped);
  if (labeller.imagesShown !== shown) {
    labeller.imagesShown = shown;
    build(labeller);
    refreshSuggestions(labeller, () => paintAll(labeller));
  } else paintAll(labeller);
  prefetch(labeller);
  takeKeys(labeller);
  showPages(parts, labeller.page, data.pages);
  showPerPage(parts, data.per_page, data.per_page_choices);
  showLabelled(labeller);
  showReach(labeller);
  showCursor(labeller);
  renewToken(labeller.outbox, data.token);
  const { history } = labeller;
  const saved = flush(labeller.outbox); // what an earlier visit has left
  if (history.oldest === null) void saved.then(() => older(labeller));
}

/** Show a page whose images are here already; the script run for it follows. */
function showPage(labeller, page, rows) {
  labeller.page = page;
  labeller.awaited = page;
  labeller.images = rows;
  takeAnswers(labeller);
  labeller.imagesShown = shownPage(page, rows, labeller.data.grouped);
  build(labeller);
  refreshSuggestions(labeller, () => paintAll(labeller));
  showPages(labeller.parts, page, labeller.data.pages);
  showLabelled(labeller);
}

function shownPage(page, rows, grouped) {
  return [page, grouped, ...rows.map((row) => [row.id, row.thumbnail, row.group])].join();
}

/** The browser's memory for this project and annotator. */
function openStores(labeller) {
  const { project_key: project, token } = labeller.data;
  const name = `coldstart/${project}/${annotatorOf(token)}/`;
  if (labeller.outboxName === name) return;
  labeller.outboxName = name;
  labeller.annotator = annotatorOf(token);
  labeller.history = openHistory();
  labeller.suggestions.clear();
  labeller.awaited = null;
  labeller.imagesShown = ""; // the ids of another project name other images
  labeller.answers.clear();
  labeller.storedAt.clear();
  labeller.ownClasses = [];
  labeller.settings = openStore("coldstart/");
  labeller.store = openStore(name);
  if (labeller.outbox) leaveAlone(labeller.outbox); // another annotator's from now on
  labeller.outbox = openOutbox(name, labeller.store);
  attend(labeller.outbox, {
    changed: () => showSign(labeller.parts, signText(labeller.outbox), labeller.outbox.sign),
    stored: (sent, reply) => takeReply(labeller, sent, reply),
    expired: labeller.expired,
    failed: (why) => showNote(labeller.parts, why, "waiting"),
  });
  labeller.outbox.hooks.changed();
  resizeCells(labeller, labeller.settings.get("size") ?? USUAL_SIZE);
  labeller.parts.grid.style.setProperty("--ratio", labeller.store.get("ratio") ?? 1);
}

/** What is drawn from the key registry; it seldom changes, and a button may have the focus. */
function takeKeys(labeller) {
  const { keys, class_keys: classKeys } = labeller.data;
  const shown = JSON.stringify(keys);
  if (labeller.keysShown === shown) return;
  labeller.keysShown = shown;
  showStates(labeller.parts, keys, (action) => runAction(labeller, action));
  fillSheet(labeller.parts.sheet, keys, classKeys);
}

function takeClasses(labeller) {
  const { data, parts } = labeller;
  const known = new Set(data.classes.map((row) => row.id));
  labeller.ownClasses = labeller.ownClasses.filter((row) => !known.has(row.id));
  const rows = [...data.classes, ...labeller.ownClasses];
  const shown = JSON.stringify(rows);
  labeller.actions = new Map([
    ...data.keys.map(({ key, action }) => [key, action]),
    ...rows.filter((row) => row.key).map((row) => [row.key, `class:${row.id}`]),
  ]);
  labeller.classes = new Map(rows.map((row) => [row.id, row]));
  if (labeller.classesShown === shown) return;
  labeller.classesShown = shown;
  showClasses(parts, rows, (id) => runAction(labeller, `class:${id}`));
}

/** A digit that no class has yet: what to do about it. */
function explainKey(labeller, chord) {
  if (!/^\d$/.test(chord)) return;
  showNote(labeller.parts, `No class has the key ${chord} yet: press n to name a new one.`, "calm");
}

/** A class named here; the next script run brings it too. */
function addClass(labeller, row) {
  if (!labeller.classes.has(row.id)) labeller.ownClasses.push(row);
  takeClasses(labeller);
}

/** The annotator's name in a token's readable part. */
function annotatorOf(token) {
  try {
    const base64 = token.split(".")[0].replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)).annotator;
  } catch {
    return "";
  }
}

function unmount(labeller) {
  clearTimeout(labeller.suggesting.timer);
  for (const cleanup of labeller.cleanups) cleanup();
  leaveAlone(labeller.outbox);
}
