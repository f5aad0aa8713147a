// Which point is under the pointer: the points sorted into a grid of 256 by 256 buckets.

const SIDE = 256;

/** @param {Uint16Array} places x and y in turn */
export function sortIntoBuckets(places) {
  const count = places.length / 2;
  const starts = new Uint32Array(SIDE * SIDE + 1);
  const bucket = (i) => (places[2 * i + 1] >> 8) * SIDE + (places[2 * i] >> 8);
  for (let i = 0; i < count; i++) starts[bucket(i) + 1]++;
  for (let i = 0; i < SIDE * SIDE; i++) starts[i + 1] += starts[i];
  const next = starts.slice();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[next[bucket(i)]++] = i;
  return { places, starts, order };
}

/** The nearest point within ``radius`` of (x, y) that ``shown`` lets pass, or -1. */
export function nearest({ places, starts, order }, x, y, radius, shown) {
  let best = -1;
  let closest = radius * radius;
  const column = (value) => Math.max(0, Math.min(SIDE - 1, Math.floor(value) >> 8));
  for (let row = column(y - radius); row <= column(y + radius); row++) {
    const from = starts[row * SIDE + column(x - radius)];
    const to = starts[row * SIDE + column(x + radius) + 1];
    for (let k = from; k < to; k++) {
      const i = order[k];
      const dx = places[2 * i] - x;
      const dy = places[2 * i + 1] - y;
      const distance = dx * dx + dy * dy;
      if (distance < closest && shown(i)) {
        closest = distance;
        best = i;
      }
    }
  }
  return best;
}
