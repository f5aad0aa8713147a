// What the labeller remembers in this browser: the outbox, the undo history, the thumbnail size.
// Every entry has a key of its own, so that two tabs never overwrite each other's.

/**
 * @typedef {object} Store
 * @property {(name: string) => any} get the value, null if there is none
 * @property {(name: string, value: any) => void} set
 * @property {(name: string) => void} remove
 * @property {(start: string) => string[]} names those that begin with `start`, sorted
 */

/**
 * @param {string} prefix set before every name
 * @returns {Store}
 */
export function openStore(prefix) {
  // Where the browser keeps nothing (a private window, a full quota), this page's memory must do.
  const memory = new Map();
  return {
    get(name) {
      const text = memory.get(name) ?? readLocal(prefix + name);
      try {
        return text === null ? null : JSON.parse(text);
      } catch {
        return null;
      }
    },
    set(name, value) {
      const text = JSON.stringify(value);
      if (writeLocal(prefix + name, text)) memory.delete(name);
      else memory.set(name, text);
    },
    remove(name) {
      memory.delete(name);
      removeLocal(prefix + name);
    },
    names(start) {
      const kept = localNames().filter((name) => name.startsWith(prefix + start));
      const names = new Set(kept.map((name) => name.slice(prefix.length)));
      for (const name of memory.keys()) if (name.startsWith(start)) names.add(name);
      return [...names].sort();
    },
  };
}

function readLocal(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function writeLocal(name, text) {
  try {
    localStorage.setItem(name, text);
    return true;
  } catch {
    return false;
  }
}

function removeLocal(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // Nothing was kept, so nothing is left.
  }
}

function localNames() {
  try {
    return Object.keys(localStorage);
  } catch {
    return [];
  }
}
