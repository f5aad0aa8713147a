// Undo and redo, kept by the browser: they reach over pages and reloads.

/**
 * @typedef {{kind: string, class_id: number|null}|null} Answer null: unlabelled
 * @typedef {{id: number, name: string, batch_id: number|null,
 *            before: Answer, after: Answer}} Change
 */

const STEPS_KEPT = 2000;
const POSITION = "history-position"; // how many steps stand; those from there on can be redone

/** Remember one step, which may have changed many images. @param {Change[]} changes */
export function remember(store, changes) {
  const position = store.get(POSITION) ?? 0;
  store.set(stepName(position), changes);
  store.set(POSITION, position + 1);
  for (let later = position + 1; store.get(stepName(later)); later += 1) {
    store.remove(stepName(later));
  }
  store.remove(stepName(position - STEPS_KEPT));
}

/** Go one step back. @returns {Change[]|null} what to reverse, null at the beginning */
export function stepBack(store) {
  const position = store.get(POSITION) ?? 0;
  const changes = store.get(stepName(position - 1));
  if (changes) store.set(POSITION, position - 1);
  return changes;
}

/** Go one step forward again. @returns {Change[]|null} what to repeat, null at the end */
export function stepForward(store) {
  const position = store.get(POSITION) ?? 0;
  const changes = store.get(stepName(position));
  if (changes) store.set(POSITION, position + 1);
  return changes;
}

/** Whether there is anything to undo and to redo. */
export function historyReach(store) {
  const position = store.get(POSITION) ?? 0;
  return {
    undo: store.get(stepName(position - 1)) !== null,
    redo: store.get(stepName(position)) !== null,
  };
}

function stepName(number) {
  return `history/${number}`;
}
