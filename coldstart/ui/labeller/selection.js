// Where the cursor goes and what is selected: numbers in, numbers out.

/** All whole numbers from one to the other, whichever is larger. */
export function rangeOf(first, last) {
  const start = Math.min(first, last);
  return Array.from({ length: Math.abs(first - last) + 1 }, (_, step) => start + step);
}

/** The next place after `from` for which `isOpen` holds, from the start again if need be; else -1. */
export function nextOpen(count, from, isOpen) {
  for (let step = 1; step <= count; step += 1) {
    const place = (from + step) % count;
    if (isOpen(place)) return place;
  }
  return -1;
}

/** Where a cursor at `place` goes; it stays where there is nothing. */
export function moved(place, direction, columns, count) {
  const step = { left: -1, right: 1, up: -columns, down: columns }[direction];
  const wanted = place + step;
  if (wanted >= 0 && wanted < count) return wanted;
  // Down into a last row that is shorter than this one: to its end.
  const inLastRow = Math.floor(place / columns) === Math.floor((count - 1) / columns);
  return direction === "down" && !inLastRow ? count - 1 : place;
}
