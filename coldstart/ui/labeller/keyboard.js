// The keys: they work wherever the focus is on the page, but never while someone is writing.

const WRITING_ROLES = new Set(["textbox", "combobox", "searchbox", "spinbutton", "listbox", "menu"]);
const NOT_WRITTEN_IN = new Set([
  "button", "checkbox", "color", "file", "image", "radio", "range", "reset", "submit",
]);
// What a control keeps for itself once someone has gone to it with Tab. After a mouse click on a
// button these keys are the grid's again.
const CONTROL_KEYS = new Set(["Enter", "Space"]);
const SLIDING_KEYS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"]);
const HOLDABLE = /^(move|extend)-|^(undo|redo)$/;
// Streamlit's own key: it runs the script again on r.
const STREAMLIT_KEYS = new Set(["r"]);

/**
 * @param {{visible: () => boolean, dialogOpen: () => boolean, grid: HTMLElement,
 *          actionOf: (chord: string) => string|null,
 *          run: (action: string, event: KeyboardEvent) => boolean,
 *          unknown: (chord: string) => void}} hooks
 *        `run` returns whether it had anything to do
 * @returns {() => void} takes the listener away
 */
export function listenToKeys(hooks) {
  let byKeyboard = false; // whether the focus has come where it is by Tab
  let tookSpace = false;
  const onPointer = () => (byKeyboard = false);
  const onKey = (event) => {
    if (event.key === "Tab") byKeyboard = true;
    if (event.isComposing || event.altKey || event.defaultPrevented) return;
    if (!hooks.visible() || hooks.dialogOpen()) return;
    const target = event.composedPath()[0];
    if (isWriting(target)) return;
    const chord = hooks.actionOf(chordOf(event)) ? chordOf(event) : digitOf(event);
    if (byKeyboard && belongsToControl(target, chord, hooks.grid)) return;
    const action = hooks.actionOf(chord);
    if (!action) {
      if (STREAMLIT_KEYS.has(chord)) event.stopImmediatePropagation();
      hooks.unknown(chord);
      return;
    }
    // A key that something lies on labels one image, not fifty.
    const held = event.repeat && !HOLDABLE.test(action);
    if (held || hooks.run(action, event)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      tookSpace ||= event.key === " ";
    }
  };
  const onKeyUp = (event) => {
    if (tookSpace && event.key === " ") event.preventDefault(); // Firefox presses buttons here
    if (event.key === " ") tookSpace = false;
  };
  // On the window and on the way down: before any listener of Streamlit's.
  const listeners = { keydown: onKey, keyup: onKeyUp, pointerdown: onPointer };
  for (const [name, listener] of Object.entries(listeners)) {
    window.addEventListener(name, listener, true);
  }
  return () => {
    for (const [name, listener] of Object.entries(listeners)) {
      window.removeEventListener(name, listener, true);
    }
  };
}

/** The key as the registry writes it: "1", "s", "Space", "Ctrl+Shift+z", "Shift+ArrowUp". */
export function chordOf(event) {
  const ctrl = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  if (event.key === " ") return `${ctrl}${event.shiftKey ? "Shift+" : ""}Space`;
  if (event.key.length > 1) return `${ctrl}${event.shiftKey ? "Shift+" : ""}${event.key}`;
  const letter = event.key.toLowerCase();
  // Shift belongs to the sign itself, but for letters: "?" is "?", on whatever keyboard.
  const shift = event.shiftKey && letter !== event.key.toUpperCase() ? "Shift+" : "";
  return `${ctrl}${shift}${letter}`;
}

/** The digit that stands on a key of the top row, where the layout needs Shift for it. */
function digitOf(event) {
  const digit = /^Digit(\d)$/.exec(event.code);
  return digit && !event.ctrlKey && !event.metaKey ? digit[1] : chordOf(event);
}

/** Whether keys typed there are text. */
function isWriting(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !NOT_WRITTEN_IN.has(target.type);
  if (target.matches("textarea, select") || target.isContentEditable) return true;
  return target.closest([...WRITING_ROLES].map((role) => `[role="${role}"]`).join()) !== null;
}

/** Whether the focused control needs this key for itself. */
function belongsToControl(target, chord, grid) {
  if (!(target instanceof Element) || target === grid) return false;
  if (CONTROL_KEYS.has(chord)) {
    return target.matches("button, a[href], summary, input, [role=button], [role=tab], [role=option]");
  }
  const slides = target.matches("input[type=range], input[type=radio], [role=slider], [role=tab]");
  return slides && SLIDING_KEYS.has(chord);
}
