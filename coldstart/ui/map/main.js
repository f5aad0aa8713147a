// The map of a large pool: places and colours come over HTTP as bytes, a lasso goes back as a
// polygon. Streamlit calls the default export again with the same parentElement at every script run.

import { makeView, resizeView, toPlace, sizeOf, LARGEST } from "./view.js";
import { sortIntoBuckets, nearest } from "./buckets.js";
import { makePicture, prepare, givePlaces, giveGroups, giveLooks, draw } from "./picture.js";
import { drawMarks } from "./marks.js";
import { fillLegend } from "./legend.js";
import { listenToGestures, useTool } from "./gestures.js";
import { savePng, saveSvg } from "./saving.js";
import { makeTip, showTip, hideTip } from "./tip.js";

/**
 * @typedef {object} Data what Python sends, see `webgl_map`
 * @property {string} places address of the places
 * @property {string} groups address of the groups
 * @property {string} points address below which a point is asked for
 * @property {string} thumbnails
 * @property {{name: string, color: string, symbol: string, quiet: boolean, count: number}[]} legend
 * @property {string} label what a screen reader says
 * @property {number} height
 */

const HOVER_PX = 9;
// While the map moves, as many points are drawn as this machine can in about this time; all of them
// once it has stood still for a moment.
const MOVING_FRAME_MS = 40;
const MOST_STEP = 63; // WebGL takes a stride of up to 255 bytes
const REST_MS = 150;
const NO_WEBGL = "This browser cannot draw the map: it has no WebGL 2. Turn on hardware acceleration, or use another browser.";
const mounted = new WeakMap();

export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".map");
  if (!root || !data) return undefined;
  let map = mounted.get(root);
  if (!map) {
    map = mount(root);
    mounted.set(root, map);
  }
  map.send = setStateValue;
  follow(map, data);
  return () => {
    map.watch.disconnect();
    mounted.delete(root);
  };
}

function mount(root) {
  const part = (name) => root.querySelector(name);
  const map = {
    root, stage: part(".stage"), marksCanvas: part(".marks"), note: part(".note"), legend: part(".legend"),
    view: makeView(), picture: makePicture(part(".points")), places: null, groups: null, buckets: null,
    data: null, shown: {}, hidden: new Set(), lassoing: () => part('[data-tool="lasso"]').getAttribute("aria-pressed") === "true",
    marks: { lasso: [], members: [], centre: -1 }, frame: 0, pending: new Set(), step: 1, rest: 0,
  };
  map.tip = makeTip(part(".tip"), (point) => {
    map.marks.members = point.members;
    map.marks.centre = point.members.length ? map.tip.number : -1;
    repaint(map, "marks");
  });
  map.watch = new ResizeObserver(() => {
    const box = map.stage.getBoundingClientRect();
    if (!box.width) return;
    resizeView(map.view, box.width, box.height);
    repaint(map);
  });
  map.watch.observe(map.stage);
  if (!map.picture) map.note.textContent = NO_WEBGL;
  part(".points").addEventListener("webglcontextlost", (event) => event.preventDefault());
  part(".points").addEventListener("webglcontextrestored", () => {
    prepare(map.picture);
    if (map.places) givePlaces(map.picture, map.places);
    if (map.groups) giveGroups(map.picture, map.groups);
    repaint(map);
  });
  const tool = (name) => applyTool(map, name);
  for (const button of root.querySelectorAll("button[data-tool]")) {
    button.addEventListener("click", () => tool(button.dataset.tool));
  }
  listenToGestures(map.marksCanvas, {
    view: map.view, lassoing: map.lassoing, tool,
    changed: () => { leave(map); repaint(map, "moving"); },
    hover: (x, y) => hover(map, x, y),
    leave: () => leave(map),
    lasso: (places, closed) => takeLasso(map, places, closed),
  });
  return map;
}

/** Follow the data of a script run; what has not changed is neither fetched nor drawn again. */
function follow(map, data) {
  map.data = data;
  map.stage.style.height = `${data.height}px`;
  map.marksCanvas.setAttribute("aria-label", data.label);
  fillLegend(map.legend, data.legend, map.hidden, (name) => toggle(map, name));
  if (!map.picture) return;
  giveLooks(map.picture, data.legend, map.hidden);
  if (map.shown.places === data.places && map.shown.groups === data.groups) repaint(map);
  else void load(map, data);
}

async function load(map, data) {
  const wanted = { places: data.places, groups: data.groups };
  map.root.dataset.ready = "false";
  if (!map.places) map.note.textContent = "Fetching the map …";
  try {
    const fresh = wanted.places !== map.shown.places;
    const [places, groups] = await Promise.all([fresh ? bytes(wanted.places) : null, bytes(wanted.groups)]);
    if (map.data.places !== wanted.places || map.data.groups !== wanted.groups) return;
    if (places) {
      map.places = new Uint16Array(places);
      givePlaces(map.picture, map.places);
      map.buckets = null;
      map.marks = { lasso: [], members: [], centre: -1 };
    }
    map.groups = new Uint8Array(groups);
    giveGroups(map.picture, map.groups);
  } catch {
    map.note.textContent = "The map could not be fetched: reload the page.";
    return;
  }
  map.shown = wanted;
  map.note.textContent = "";
  draw(map.picture, map.view);
  map.picture.gl.finish();
  map.root.dataset.points = String(map.places.length / 2);
  map.root.dataset.ready = "true";
  drawOver(map);
}

async function bytes(address) {
  const reply = await fetch(address);
  if (!reply.ok) throw new Error(String(reply.status));
  return reply.arrayBuffer();
}

/**
 * Draw before the browser shows its next frame, once however often it was asked for.
 *
 * @param {"all" | "moving" | "marks"} what the marks alone leave the points as they are
 */
function repaint(map, what = "all") {
  map.pending.add(what);
  map.frame ||= requestAnimationFrame(() => {
    const { pending } = map;
    const step = pending.has("moving") ? map.step : 1;
    const points = step > 1 || pending.has("all") || pending.has("moving");
    map.frame = 0;
    map.pending = new Set();
    const started = performance.now();
    if (map.picture && points) draw(map.picture, map.view, step);
    if (map.picture && pending.has("moving")) {
      // Reading a pixel waits for the drawing, which `finish` does not everywhere.
      map.picture.gl.readPixels(0, 0, 1, 1, map.picture.gl.RGBA, map.picture.gl.UNSIGNED_BYTE, new Uint8Array(4));
      const wanted = Math.round((map.step * (performance.now() - started)) / MOVING_FRAME_MS);
      map.step = Math.min(MOST_STEP, Math.max(1, wanted));
    }
    drawOver(map);
    if (!points) return;
    clearTimeout(map.rest);
    if (step > 1) map.rest = setTimeout(() => repaint(map), REST_MS);
  });
}

function drawOver(map) {
  drawMarks(map.marksCanvas, map.view, map.places, map.marks);
}

function hover(map, x, y) {
  if (!map.places) return;
  map.buckets ??= sortIntoBuckets(map.places);
  const reach = HOVER_PX / (sizeOf(map.view) / LARGEST);
  const group = (i) => map.data.legend[map.groups[i] & 127];
  const visible = (i) => group(i) && !map.hidden.has(group(i).name);
  const number = nearest(map.buckets, ...toPlace(map.view, x, y), reach, visible);
  if (number < 0) leave(map);
  else {
    const urls = { points: map.data.points, thumbnails: map.data.thumbnails };
    if (number !== map.tip.number) clearBall(map);
    showTip(map.tip, number, x, y, urls, group(number).name);
  }
}

function leave(map) {
  hideTip(map.tip);
  clearBall(map);
}

function clearBall(map) {
  if (map.marks.centre < 0) return;
  map.marks.members = [];
  map.marks.centre = -1;
  repaint(map, "marks");
}

function takeLasso(map, places, closed) {
  map.marks.lasso = places;
  repaint(map, "marks");
  if (!closed) return;
  const polygon = places.map(([x, y]) => [Math.round(x), Math.round(y)]);
  map.send("lasso", polygon.length ? { places: map.data.places, polygon } : null);
}

function toggle(map, name) {
  if (!map.hidden.delete(name)) map.hidden.add(name);
  follow(map, map.data);
}

function applyTool(map, name) {
  const button = map.root.querySelector('[data-tool="lasso"]');
  if (name === "lasso") {
    button.setAttribute("aria-pressed", String(!map.lassoing()));
    map.marksCanvas.classList.toggle("lassoing", map.lassoing());
  } else if (name === "clear") takeLasso(map, [], true);
  else if (name === "png") savePng(map);
  else if (name === "svg") saveSvg(map);
  else useTool(map.view, name);
  repaint(map);
}
