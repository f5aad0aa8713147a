// Everything around the grid that is read: progress, pace, the sender's sign, classes, the footer.

const PACE_WINDOW_MS = 120000;
const PACE_FROM_LABELS = 5;

/** The labeller's named parts. @param {HTMLElement} root */
export function partsOf(root) {
  const one = (selector) => root.querySelector(selector);
  return {
    root,
    grid: one(".grid"), meter: one(".meter i"), done: one(".done"), pace: one(".pace"),
    chosen: one(".chosen"), sign: one(".sign"), slider: one(".size input"),
    classes: one(".classes"), states: one(".states"), naming: one(".naming"),
    className: one(".naming input"), note: one(".note"), name: one(".name"),
    answer: one(".answer"), reason: one(".reason"), page: one(".page"), spoken: one(".spoken"),
    zoom: one(".zoom"), sheet: one(".sheet"), why: one(".why"), comment: one(".comment"),
    perPage: one(".per-page"), confirm: one("[data-action=confirm-page]"),
    confirmWords: one("[data-action=confirm-page] span"),
    undo: one("[data-action=undo]"), redo: one("[data-action=redo]"),
    previous: one("[data-action=previous-page]"), next: one("[data-action=next-page]"),
  };
}

/** One button a class, named "<key> <class>". */
export function showClasses(parts, classes, assign) {
  const buttons = classes.map((row) => {
    const button = answerButton(row.key, row.name, row.color);
    button.onclick = () => assign(row.id);
    return button;
  });
  if (buttons.length === 0) {
    const hint = document.createElement("span");
    hint.className = "hint";
    hint.textContent = "No classes yet: press n and name the first.";
    parts.classes.replaceChildren(hint);
  } else parts.classes.replaceChildren(...buttons);
}

/** The buttons of the answers that name no class, as the key registry words them. */
export function showStates(parts, shortcuts, run) {
  const actions = ["skip", "unsure", "exclude", "clear"];
  const buttons = actions.flatMap((action) => {
    const shortcut = shortcuts.find((row) => row.action === action);
    if (!shortcut) return [];
    const title = action[0].toUpperCase() + action.slice(1);
    const button = answerButton(shortcut.key === "Backspace" ? "⌫" : shortcut.key, title, "");
    button.setAttribute("aria-label", `${shortcut.key} ${title}`);
    button.title = shortcut.words;
    button.onclick = () => run(action);
    return [button];
  });
  parts.states.replaceChildren(...buttons);
}

export function showSign(parts, words, sign) {
  write(parts.sign, words);
  const shown = words === "saved" ? "saved" : sign;
  if (parts.sign.dataset.sign !== shown) parts.sign.dataset.sign = shown;
}

export function showProgress(parts, labelled, size, where) {
  const words = `${labelled} of ${size} answered ${where}`;
  if (!write(parts.done, words)) return;
  parts.meter.style.transform = `scaleX(${size ? labelled / size : 0})`;
}

/** Labels a minute over the last two minutes. @param {{at: number, count: number}[]} recent */
export function showPace(parts, recent) {
  const now = Date.now();
  while (recent.length > 0 && recent[0].at < now - PACE_WINDOW_MS) recent.shift();
  const labels = recent.reduce((sum, step) => sum + step.count, 0);
  if (labels < PACE_FROM_LABELS) {
    write(parts.pace, "");
    return;
  }
  const minutes = Math.max(now - recent[0].at, 5000) / 60000;
  write(parts.pace, `${Math.round(labels / minutes)} labels/min`);
}

export function showChosen(parts, count) {
  write(parts.chosen, count > 0 ? `${count} selected` : "");
}

/** How many images stand on a page, to choose from. @param {number[]} choices */
export function showPerPage(parts, chosen, choices) {
  parts.perPage.hidden = choices.length < 2;
  if (parts.perPage.dataset.choices !== choices.join()) {
    parts.perPage.dataset.choices = choices.join();
    parts.perPage.replaceChildren(
      ...choices.map((count) => new Option(`${count} a page`, String(count))),
    );
  }
  parts.perPage.value = String(chosen);
}

/** How many suggestions one key would take. */
export function showSuggested(parts, count) {
  if (parts.confirm.hidden !== (count === 0)) parts.confirm.hidden = count === 0;
  write(parts.confirmWords, `Take ${count} suggested`);
}

/** The image under the cursor, and why it was picked. */
export function showAbout(parts, row, words) {
  write(parts.name, row ? row.name : "");
  parts.name.title = row ? row.path : "";
  write(parts.answer, row ? words : "No images on this page.");
  write(parts.reason, row?.reason ? `Why this image: ${row.reason}` : "");
}

export function showPages(parts, page, pages) {
  parts.page.textContent = pages > 0 ? `Page ${page + 1} of ${pages}` : "";
  parts.previous.disabled = page <= 0;
  parts.next.disabled = pages <= 0;
}

/** One sentence that stays until the next answer; empty to take it away. */
export function showNote(parts, sentence, tone = "problem") {
  if (!write(parts.note, sentence) && parts.note.dataset.tone === tone) return;
  parts.note.dataset.tone = tone;
  parts.note.hidden = sentence === "";
}

/** Say something to those who cannot see it. */
export function speak(parts, sentence) {
  parts.spoken.textContent = sentence;
}

/**
 * Words in an element that holds nothing else, where they are others than before: what is left alone
 * is neither laid out nor painted again. @returns {boolean} whether they are others
 */
function write(element, words) {
  const [text] = element.childNodes;
  if ((text?.data ?? "") === words) return false;
  if (text && words) text.data = words;
  else element.textContent = words;
  return true;
}

function answerButton(key, name, color) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "answer-button";
  button.setAttribute("aria-label", key ? `${key} ${name}` : name);
  button.title = name;
  if (key) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    button.append(cap);
  }
  if (color) {
    const swatch = document.createElement("i");
    swatch.style.background = color;
    button.append(swatch);
  }
  const text = document.createElement("span");
  text.textContent = name;
  button.append(text);
  return button;
}
