// Mouse, finger and keys on the map: move, zoom, lasso, hover.

import { toPlace, zoomAt, showWhole } from "./view.js";

const LASSO_STEP_PX = 3;
const WHEEL = 0.0016;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{view: object, lassoing: () => boolean, changed: () => void, hover: (x: number, y: number) => void,
 *   leave: () => void, lasso: (places: number[][], closed: boolean) => void, tool: (name: string) => void}} map
 */
export function listenToGestures(canvas, map) {
  const { view } = map;
  let lasso = null;
  let drag = null;
  let last = [0, 0];
  const where = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomAt(view, Math.exp(-event.deltaY * WHEEL), ...where(event));
    map.changed();
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    last = where(event);
    map.leave();
    if (map.lassoing() || event.shiftKey) lasso = [toPlace(view, ...last)];
    else drag = { at: last, left: view.left, top: view.top };
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = where(event);
    if (lasso) {
      if (Math.hypot(x - last[0], y - last[1]) < LASSO_STEP_PX) return;
      last = [x, y];
      lasso.push(toPlace(view, x, y));
      map.lasso(lasso, false);
    } else if (drag) {
      view.left = drag.left + x - drag.at[0];
      view.top = drag.top + y - drag.at[1];
      map.changed();
    } else map.hover(x, y);
  });
  const end = () => {
    if (lasso) map.lasso(lasso.length > 2 ? lasso : [], true);
    lasso = drag = null;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", () => { lasso = drag = null; map.lasso([], false); });
  canvas.addEventListener("pointerleave", () => map.leave());
  canvas.addEventListener("keydown", (event) => {
    const step = 60;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    const tools = { "+": "closer", "=": "closer", "-": "farther", 0: "whole", l: "lasso", L: "lasso", Escape: "clear" };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (moves[event.key]) {
      view.left += moves[event.key][0];
      view.top += moves[event.key][1];
      map.changed();
    } else if (tools[event.key]) map.tool(tools[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** What a tool does to the view. */
export function useTool(view, name) {
  if (name === "closer") zoomAt(view, 1.4, view.width / 2, view.height / 2);
  if (name === "farther") zoomAt(view, 1 / 1.4, view.width / 2, view.height / 2);
  if (name === "whole") showWhole(view);
}
