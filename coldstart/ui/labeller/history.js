// Undo and redo: every step is an event at the server, so they reach over pages, sessions and
// browsers, back to this annotator's first label. The newest steps are here; older ones are fetched.

/**
 * @typedef {{kind: string, class_id: number|null, origin?: string}|null} Answer null: none
 * @typedef {object} Change
 * @property {number} id
 * @property {string} name
 * @property {number|null} batch_id
 * @property {Answer} before this annotator's own answer before
 * @property {Answer} [shown] what was shown before: perhaps another annotator's answer
 * @property {Answer} after
 * @property {object|null} [suggestion] what was suggested when it was given
 *
 * @typedef {{step: string, event?: number, changes: Change[]}} Step
 *
 * @typedef {object} History
 * @property {Step[]} undo the newest last
 * @property {Step[]} redo the next one last
 * @property {boolean} more whether the server has older steps
 * @property {number|null} oldest the oldest event fetched; null: nothing was fetched yet
 * @property {Promise<void>|null} loading
 */

const FETCH_BELOW = 20;

/** @returns {History} */
export function openHistory() {
  return { undo: [], redo: [], more: false, oldest: null, loading: null };
}

/** Remember a new step. @param {History} history @param {Step} step */
export function remember(history, step) {
  history.undo.push(step);
  history.redo = [];
}

/** Go one step back. @returns {Step|null} what to reverse, null at the beginning */
export function stepBack(history) {
  const step = history.undo.pop() ?? null;
  if (step) history.redo.push(step);
  return step;
}

/** Go one step forward again. @returns {Step|null} what to repeat, null at the end */
export function stepForward(history) {
  const step = history.redo.pop() ?? null;
  if (step) history.undo.push(step);
  return step;
}

/** Whether there is anything to undo and to redo. */
export function historyReach(history) {
  return { undo: history.undo.length > 0 || history.more, redo: history.redo.length > 0 };
}

/** Whether the end of what is here comes near and older steps should be fetched. */
export function runsShort(history) {
  return history.more && history.undo.length < FETCH_BELOW;
}

/**
 * Fetch the first or the next older steps.
 * @param {(before: number|null) => Promise<{undo: Step[], redo: Step[], more: boolean}>} fetchSteps
 */
export function fetchOlder(history, fetchSteps) {
  history.loading ??= fetchSteps(history.oldest)
    .then((reply) => takeOlder(history, reply))
    .catch(() => {}) // no answer now: the next undo asks again
    .finally(() => (history.loading = null));
  return history.loading;
}

function takeOlder(history, reply) {
  const known = new Set([...history.undo, ...history.redo].map((step) => step.step));
  const untouched = history.oldest === null && known.size === 0;
  const older = reply.undo.filter((step) => !known.has(step.step)).reverse();
  history.undo.unshift(...older);
  if (untouched) history.redo = [...reply.redo].reverse();
  history.more = reply.more;
  const events = reply.undo.map((step) => step.event);
  history.oldest = events.length > 0 ? Math.min(...events) : (history.oldest ?? 0);
}
