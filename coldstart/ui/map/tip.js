// What hovering over a point shows: the thumbnail, the file's name, what it is, and whom it covers.

const ASK_AFTER_MS = 40;

/**
 * @typedef {object} MapPoint what the route answers, see `workflow.map_serving.MapPoint`
 * @property {number} image_id
 * @property {string} name
 * @property {string} thumbnail content hash
 * @property {string} says
 * @property {number[]} members points of its ball
 *
 * @param {HTMLElement} element
 * @param {(point: MapPoint) => void} shown called once the point is known
 */
export function makeTip(element, shown) {
  return { element, shown, number: -1, timer: 0, known: new Map() };
}

/** Show the point of this number at (x, y) of the box that holds the tip. */
export function showTip(tip, number, x, y, urls, group) {
  placeTip(tip, x, y);
  if (tip.number === number) return;
  tip.number = number;
  clearTimeout(tip.timer);
  tip.timer = setTimeout(() => void ask(tip, number, urls, group), ASK_AFTER_MS);
}

export function hideTip(tip) {
  clearTimeout(tip.timer);
  tip.number = -1;
  tip.element.hidden = true;
}

async function ask(tip, number, urls, group) {
  const address = `${urls.points}/${number}.json`;
  let point = tip.known.get(address);
  if (!point) {
    try {
      const reply = await fetch(address);
      if (!reply.ok) return;
      point = await reply.json();
    } catch {
      return; // the server is away; the next hover asks again
    }
    tip.known.set(address, point);
  }
  if (tip.number !== number) return;
  fill(tip.element, point, urls, group);
  tip.element.hidden = false;
  tip.shown(point);
}

function fill(element, point, urls, group) {
  const picture = new Image();
  picture.alt = point.name;
  picture.src = `${urls.thumbnails}/${point.thumbnail}.jpg`;
  const name = document.createElement("b");
  name.textContent = point.name;
  const lines = [point.says];
  if (group && group !== point.says) lines.push(group);
  if (point.members.length) lines.push(`covers ${point.members.length.toLocaleString("en")} images`);
  element.replaceChildren(picture, name, lines.join(" · "));
}

function placeTip(tip, x, y) {
  const box = tip.element.parentElement.getBoundingClientRect();
  const width = 164;
  const height = 200;
  const left = x + 16 + width < box.width ? x + 16 : Math.max(0, x - 16 - width);
  tip.element.style.left = `${left}px`;
  tip.element.style.top = `${Math.max(0, Math.min(box.height - height, y - height / 3))}px`;
}
