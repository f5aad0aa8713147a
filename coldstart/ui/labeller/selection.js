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

/**
 * The places of each row: at most `columns`, and a new row where another group begins.
 * @param {(number|null|undefined)[]} groups the group of each place
 * @returns {number[][]}
 */
export function rowsOf(groups, columns) {
  const rows = [];
  groups.forEach((group, place) => {
    const row = rows[rows.length - 1];
    const begins = !row || row.length >= columns || groups[row[0]] !== group;
    if (begins) rows.push([place]);
    else row.push(place);
  });
  return rows;
}

/** The row a place stands in. @param {number[][]} rows */
export function rowAt(rows, place) {
  return rows.find((row) => row[0] <= place && place <= row[row.length - 1]) ?? [];
}

/** Where a cursor at `place` goes; it stays where there is nothing. @param {number[][]} rows */
export function moved(place, direction, rows) {
  const number = rows.findIndex((row) => row[0] <= place && place <= row[row.length - 1]);
  if (number < 0) return place;
  if (direction === "left") return Math.max(0, place - 1);
  if (direction === "right") {
    const last = rows[rows.length - 1];
    return Math.min(last[last.length - 1], place + 1);
  }
  const target = rows[number + (direction === "down" ? 1 : -1)];
  if (!target) return place;
  // Into a row that is shorter than this one: to its end.
  return target[Math.min(rows[number].indexOf(place), target.length - 1)];
}
