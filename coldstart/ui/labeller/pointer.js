// The mouse on the grid: click, Ctrl+click, Shift+click, and dragging a frame over images.

const DRAG_FROM_PX = 5;
const SCROLL_EDGE_PX = 28;

/**
 * @param {HTMLElement} grid
 * @param {{cells: () => import("./cells.js").Cell[], selected: () => Set<number>,
 *          select: (places: Iterable<number>) => void,
 *          click: (place: number, how: "one"|"toggle"|"range") => void,
 *          open: (place: number) => void, focus: () => void}} hooks
 */
export function listenToPointer(grid, hooks) {
  let drag = null;

  grid.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault(); // no text selection, no dragged picture
    hooks.focus();
    const toggles = event.ctrlKey || event.metaKey;
    drag = {
      ...pointIn(grid, event), place: placeOf(event), toggles, ranges: event.shiftKey,
      base: toggles || event.shiftKey ? new Set(hooks.selected()) : new Set(), frame: null,
      touch: event.pointerType === "touch", // a finger scrolls; only a mouse or a pen draws a frame
    };
    if (!drag.touch) grid.setPointerCapture(event.pointerId);
  });

  grid.addEventListener("pointermove", (event) => {
    if (!drag || drag.touch) return;
    const point = pointIn(grid, event);
    const far = Math.hypot(point.x - drag.x, point.y - drag.y) >= DRAG_FROM_PX;
    if (!drag.frame && !far) return;
    drag.frame ??= grid.appendChild(makeFrame());
    scrollAtEdge(grid, event);
    const box = {
      left: Math.min(point.x, drag.x), top: Math.min(point.y, drag.y),
      right: Math.max(point.x, drag.x), bottom: Math.max(point.y, drag.y),
    };
    placeFrame(drag.frame, box);
    hooks.select(new Set([...drag.base, ...placesIn(hooks.cells(), box)]));
  });

  grid.addEventListener("pointerup", () => {
    if (drag && !drag.frame && drag.place !== null) {
      hooks.click(drag.place, drag.ranges ? "range" : drag.toggles ? "toggle" : "one");
    }
    drag?.frame?.remove();
    drag = null;
  });

  grid.addEventListener("pointercancel", () => {
    drag?.frame?.remove();
    drag = null;
  });

  grid.addEventListener("dblclick", (event) => {
    const place = placeOf(event);
    if (place !== null) hooks.open(place);
  });
}

function pointIn(grid, event) {
  const edge = grid.getBoundingClientRect();
  return {
    x: event.clientX - edge.left - grid.clientLeft,
    y: event.clientY - edge.top - grid.clientTop + grid.scrollTop,
  };
}

function placeOf(event) {
  const cell = event.composedPath().find((node) => node.dataset?.index !== undefined);
  return cell ? Number(cell.dataset.index) : null;
}

function placesIn(cells, box) {
  return cells.flatMap(({ element }, place) => {
    const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = element;
    const touches =
      left < box.right && left + width > box.left && top < box.bottom && top + height > box.top;
    return touches ? [place] : [];
  });
}

function makeFrame() {
  const frame = document.createElement("div");
  frame.className = "frame";
  frame.setAttribute("aria-hidden", "true");
  return frame;
}

function placeFrame(frame, box) {
  frame.style.left = `${box.left}px`;
  frame.style.top = `${box.top}px`;
  frame.style.width = `${box.right - box.left}px`;
  frame.style.height = `${box.bottom - box.top}px`;
}

function scrollAtEdge(grid, event) {
  const edge = grid.getBoundingClientRect();
  if (event.clientY > edge.bottom - SCROLL_EDGE_PX) grid.scrollTop += 12;
  else if (event.clientY < edge.top + SCROLL_EDGE_PX) grid.scrollTop -= 12;
}
