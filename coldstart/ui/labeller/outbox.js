// The outbox: label events wait here, kept by the browser, until the server says they are stored.
// One batch is under way at a time; what is labelled meanwhile goes with the next.

/**
 * @typedef {object} LabelEvent one answer, as POST /api/labels takes it
 * @property {string} uuid
 * @property {number} image_id
 * @property {"class"|"skipped"|"unsure"|"excluded"|"cleared"|"comment"} kind
 * @property {string} [text] of a comment
 * @property {string} [origin] human, cluster or model
 * @property {object|null} [suggestion] what was suggested when it was given
 * @property {string} [step] what one key did is one step
 * @property {"undo"|"redo"|null} [step_action]
 * @property {number|null} class_id
 * @property {number|null} batch_id
 * @property {number} client_time milliseconds since 1970
 * @property {number|null} seconds
 *
 * @typedef {object} Reply what POST /api/labels answers after the commit
 * @property {string[]} accepted
 * @property {{uuid: string, reason: string}[]} refused
 * @property {number|null} batch_left
 * @property {{id: number, state: object|null}[]} [standing] what stands where an answer was taken back
 *
 * @typedef {object} Outbox
 * @property {import("./storage.js").Store} store
 * @property {Map<string, LabelEvent>} events by name, in the order in which they were made
 * @property {string} url
 * @property {string} token
 * @property {"saved"|"saving"|"offline"|"renewing"} sign
 * @property {boolean} sending
 * @property {boolean} attended whether a labeller is mounted that can renew the token
 * @property {(() => void)|null} wake ends the wait before the next try
 * @property {((empty: boolean) => void)[]} waiters
 * @property {{changed: () => void, stored: (sent: LabelEvent[], reply: Reply) => void,
 *             expired: () => void, failed: (why: string) => void}} hooks
 */

const EVENTS_PER_POST = 500;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8000;
const ANSWER_WITHIN_MS = 20000;
const KEEPALIVE_BYTES = 60000;
const IDLE_HOOKS = { changed() {}, stored() {}, expired() {}, failed() {} };

// One for each project and annotator, beyond the life of a mount: it goes on sending on other pages.
const openOutboxes = new Map();
let eventNumber = 0;

/**
 * @param {string} name project and annotator
 * @param {import("./storage.js").Store} store
 * @returns {Outbox}
 */
export function openOutbox(name, store) {
  if (!openOutboxes.has(name)) {
    const outbox = {
      store, events: new Map(), url: "", token: "", sign: "saved", sending: false,
      attended: false, wake: null, waiters: [], hooks: IDLE_HOOKS,
    };
    window.addEventListener("online", () => outbox.wake?.());
    openOutboxes.set(name, outbox);
  }
  const outbox = openOutboxes.get(name);
  for (const entry of store.names("outbox/")) {
    const event = store.get(entry);
    if (event) outbox.events.set(entry, event);
  }
  return outbox;
}

/** A labeller that looks after the outbox: shows what it says, renews its token. */
export function attend(outbox, hooks) {
  outbox.attended = true;
  outbox.hooks = hooks;
}

/** Nobody looks after it any more; it goes on sending. */
export function leaveAlone(outbox) {
  outbox.attended = false;
  outbox.hooks = IDLE_HOOKS;
}

/** Keep the events, and send them as soon as the line is free. */
export function post(outbox, events) {
  for (const event of events) {
    const entry = `outbox/${orderName(event)}`;
    outbox.events.set(entry, event);
    outbox.store.set(entry, event);
  }
  void send(outbox);
}

/** Resolves true once everything is stored, false as soon as a try has failed. */
export function flush(outbox) {
  if (outbox.events.size === 0) return Promise.resolve(true);
  return new Promise((resolve) => {
    outbox.waiters.push(resolve);
    outbox.wake?.();
    void send(outbox);
  });
}

/** A new token, or the same: a sender that waits for one goes on. */
export function renewToken(outbox, token) {
  const changed = outbox.token !== token;
  outbox.token = token;
  if (changed) outbox.wake?.();
}

/** image id -> its newest event that is not stored yet. */
export function waitingByImage(outbox) {
  const answers = [...outbox.events.values()].filter((event) => event.kind !== "comment");
  return new Map(answers.map((event) => [event.image_id, event]));
}

/** What the sign says: "saved", "saving…" or "offline, 12 waiting". */
export function signText(outbox) {
  const waiting = outbox.events.size;
  if (waiting === 0) return "saved";
  if (outbox.sign === "offline") return `offline, ${waiting} waiting`;
  if (outbox.sign === "renewing") return `renewing permission, ${waiting} waiting`;
  return "saving…";
}

/** Send until the outbox is empty; does nothing while a send is under way. */
async function send(outbox) {
  if (outbox.sending) return;
  outbox.sending = true;
  let wait = FIRST_WAIT_MS;
  try {
    while (outbox.events.size > 0) {
      if (outbox.sign === "saved") show(outbox, "saving");
      const outcome = await postBatch(outbox);
      if (outcome === "stored") {
        wait = FIRST_WAIT_MS;
        show(outbox, "saving");
        continue;
      }
      show(outbox, outcome === "expired" ? "renewing" : "offline");
      if (outcome === "expired" && !outbox.attended) return; // the next mount brings a new token
      if (outcome === "expired") outbox.hooks.expired();
      else settle(outbox, false);
      await pause(outbox, wait);
      wait = Math.min(LONGEST_WAIT_MS, wait * 2);
    }
  } finally {
    outbox.sending = false;
  }
  show(outbox, "saved");
  settle(outbox, true);
}

/** One request. @returns {Promise<"stored"|"expired"|"failed">} */
async function postBatch(outbox) {
  const batch = [...outbox.events].slice(0, EVENTS_PER_POST);
  const body = JSON.stringify({ events: batch.map(([, event]) => event) });
  try {
    const response = await fetch(outbox.url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${outbox.token}` },
      body,
      keepalive: body.length < KEEPALIVE_BYTES, // arrives even if the tab is closed meanwhile
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    if (response.status === 401) return "expired";
    const reply = await response.json();
    if (response.ok) return takeOut(outbox, batch, reply);
    if (reply.error) outbox.hooks.failed([reply.error, reply.remedy].filter(Boolean).join(" "));
    return "failed";
  } catch {
    return "failed";
  }
}

/** Take out what the server has stored or refused for good. */
function takeOut(outbox, batch, reply) {
  const answered = new Set([...reply.accepted, ...reply.refused.map((event) => event.uuid)]);
  const gone = batch.filter(([, event]) => answered.has(event.uuid));
  for (const [entry] of gone) {
    outbox.events.delete(entry);
    outbox.store.remove(entry);
  }
  outbox.hooks.stored(gone.map(([, event]) => event), reply);
  return gone.length > 0 ? "stored" : "failed";
}

function show(outbox, sign) {
  outbox.sign = sign;
  outbox.hooks.changed();
}

function settle(outbox, empty) {
  const waiters = outbox.waiters.splice(0);
  for (const resolve of waiters) resolve(empty);
}

function pause(outbox, milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    outbox.wake = () => {
      clearTimeout(timer);
      resolve(undefined);
    };
  }).then(() => {
    outbox.wake = null;
  });
}

/** A name that sorts in the order in which the events were made, over reloads and tabs. */
function orderName(event) {
  eventNumber += 1;
  const time = Math.floor(event.client_time).toString(36).padStart(9, "0");
  return `${time}-${eventNumber.toString(36).padStart(6, "0")}-${event.uuid.slice(0, 8)}`;
}
