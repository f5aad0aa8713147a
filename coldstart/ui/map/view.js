// Where on the screen a place of the map lies, and the way back. Places are whole numbers from 0 to
// LARGEST, upwards; the screen is counted in CSS pixels, downwards.

export const LARGEST = 65535;
const CLOSEST = 400;
const FARTHEST = 0.5;

export function makeView() {
  return { width: 0, height: 0, zoom: 1, left: 0, top: 0 };
}

/** Pixels from one edge of the map to the other. */
export function sizeOf(view) {
  return Math.min(view.width, view.height) * 0.94 * view.zoom;
}

export function showWhole(view) {
  view.zoom = 1;
  view.left = (view.width - sizeOf(view)) / 2;
  view.top = (view.height - sizeOf(view)) / 2;
}

/** A window of another size shows the same middle. */
export function resizeView(view, width, height) {
  const first = view.width === 0;
  const middle = toPlace(view, view.width / 2, view.height / 2);
  view.width = width;
  view.height = height;
  if (first) showWhole(view);
  else {
    const [x, y] = toScreen(view, middle[0], middle[1]);
    view.left += width / 2 - x;
    view.top += height / 2 - y;
  }
}

/** Closer by ``factor``, with what is at (x, y) staying there. */
export function zoomAt(view, factor, x, y) {
  const wanted = Math.min(CLOSEST, Math.max(FARTHEST, view.zoom * factor));
  const real = wanted / view.zoom;
  view.left = x - (x - view.left) * real;
  view.top = y - (y - view.top) * real;
  view.zoom = wanted;
}

export function toScreen(view, x, y) {
  const scale = sizeOf(view) / LARGEST;
  return [view.left + x * scale, view.top + (LARGEST - y) * scale];
}

export function toPlace(view, x, y) {
  const scale = sizeOf(view) / LARGEST || 1;
  return [(x - view.left) / scale, LARGEST - (y - view.top) / scale];
}
