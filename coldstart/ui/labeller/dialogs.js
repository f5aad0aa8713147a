// The two windows over the grid: one image shown large, and the list of keys.

/** Show an image large. @param {string} url @param {string} caption */
export function showZoom(dialog, url, name, caption) {
  const image = dialog.querySelector("img");
  image.alt = name;
  dialog.querySelector("figcaption").textContent = caption;
  if (image.getAttribute("src") !== url) {
    dialog.dataset.state = "loading";
    image.onload = () => (dialog.dataset.state = "");
    image.onerror = () => void explainFailure(dialog, image, url);
    image.src = url;
  }
  openDialog(dialog);
}

/** Open a dialog with the focus on itself, not on its first button. */
export function openDialog(dialog) {
  if (dialog.open) return;
  dialog.showModal();
  dialog.focus();
}

/** The sheet of all keys, from the registry. */
export function fillSheet(dialog, shortcuts, classKeys) {
  const spans = [classKeys.slice(0, 10), classKeys.slice(10)].filter((keys) => keys.length > 0);
  const labelling = spans.map((keys) => `${keys[0]} … ${keys[keys.length - 1]}`);
  const keysByWords = new Map([["Label with that class, and go on to the next", labelling]]);
  for (const { key, words } of shortcuts) {
    keysByWords.set(words, [...(keysByWords.get(words) ?? []), key]);
  }
  const rows = [...keysByWords].map(([words, keys]) => {
    const row = document.createElement("div");
    const meaning = document.createElement("dd");
    meaning.textContent = words;
    const caps = document.createElement("dt");
    for (const key of keys) {
      const cap = document.createElement("kbd");
      cap.textContent = shownKey(key);
      caps.append(cap);
    }
    row.append(caps, meaning);
    return row;
  });
  dialog.querySelector("dl").replaceChildren(...rows);
}

/** Whether a dialog that is not the labeller's own lies over the page. */
export function foreignDialogOpen(own) {
  const dialogs = document.querySelectorAll('dialog[open], [role="dialog"], [role="alertdialog"]');
  return [...dialogs].some(
    (dialog) =>
      !own.includes(dialog) &&
      dialog.getAttribute("aria-modal") !== "false" && // a toast says it is an alertdialog
      dialog.getClientRects().length > 0,
  );
}

/** Close on its button and on a click beside its content. */
export function closeByMouse(dialog) {
  dialog.addEventListener("click", (event) => {
    const path = event.composedPath();
    const onButton = path.some((node) => node.classList?.contains("close"));
    if (onButton || path[0] === dialog) dialog.close();
  });
}

function shownKey(key) {
  const arrows = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓" };
  const name = key.split("+").pop();
  const shown = arrows[name] ?? (name.length === 1 ? name.toUpperCase() : name);
  return key.slice(0, key.length - name.length) + (key.includes("+") ? shown : (arrows[name] ?? name));
}

async function explainFailure(dialog, image, url) {
  let words = "This image cannot be shown now.";
  try {
    const reply = await (await fetch(url)).json();
    words = [reply.error, reply.remedy].filter(Boolean).join(" ") || words;
  } catch {
    // Neither an image nor a sentence came: the sentence above must do.
  }
  if (image.getAttribute("src") !== url) return; // another image is shown by now
  dialog.dataset.state = "failed";
  dialog.querySelector("figcaption").textContent = words;
}

/** An image's reason and the images it stands for. @param {() => void} like search for its like */
export function showWhy(dialog, own, found, like) {
  const one = (selector) => dialog.querySelector(selector);
  one("h2").textContent = own.name;
  one(".own").src = own.url;
  one(".reason").textContent = found.reason || "Nobody picked it: it is on this page by its place.";
  one(".words").textContent = found.words;
  one(".like").onclick = () => {
    dialog.close();
    like();
  };
  const pictures = found.images.map((image) => {
    const figure = document.createElement("figure");
    const picture = document.createElement("img");
    picture.src = image.url;
    picture.alt = `${image.name}, ${image.words}`;
    picture.loading = "lazy";
    const caption = document.createElement("figcaption");
    caption.textContent = image.words === "unlabelled" ? "" : image.words;
    figure.append(picture, caption);
    return figure;
  });
  one(".members").replaceChildren(...pictures);
  openDialog(dialog);
}

/** What was written about an image, and a field for more. */
export function showComments(dialog, row) {
  dialog.querySelector("h2").textContent = `Comment on ${row.name}`;
  const entries = (row.comments ?? []).map((comment) => {
    const entry = document.createElement("li");
    const who = document.createElement("b");
    who.textContent = comment.annotator;
    entry.append(who, ` ${comment.text}`);
    return entry;
  });
  dialog.querySelector("ul").replaceChildren(...entries);
  openDialog(dialog);
  dialog.querySelector("textarea").focus();
}

/** The comment field: Ctrl+Enter or the button keeps it. @param {(text: string) => void} keep */
export function listenToComment(dialog, keep) {
  const field = dialog.querySelector("textarea");
  const send = () => {
    keep(field.value);
    field.value = "";
    dialog.close();
  };
  dialog.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      send();
    }
  });
}
