// The groups by symbol and colour, each a button that hides its points.

const SHAPES = {
  circle: '<circle cx="6" cy="6" r="5"/>',
  square: '<rect x="1.5" y="1.5" width="9" height="9"/>',
  diamond: '<path d="M6 0 12 6 6 12 0 6z"/>',
  cross: '<path d="M4 0h4v4h4v4H8v4H4V8H0V4h4z"/>',
  "triangle-up": '<path d="M6 1 12 11H0z"/>',
  x: '<path d="M2.8 0 6 3.2 9.2 0 12 2.8 8.8 6 12 9.2 9.2 12 6 8.8 2.8 12 0 9.2 3.2 6 0 2.8z"/>',
  star: '<path d="m6 0 1.6 4.2L12 4.4 8.6 7.2 9.8 12 6 9.2 2.2 12l1.2-4.8L0 4.4l4.4-.2z"/>',
};

/** @param {{name: string, color: string, symbol: string, count: number}[]} groups */
export function fillLegend(list, groups, hidden, toggle) {
  list.replaceChildren(
    ...groups.map((group) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", String(!hidden.has(group.name)));
      button.title = hidden.has(group.name) ? "Show them again" : "Hide these";
      // Shapes and colours are ours; names are the person's, and go in as text.
      button.innerHTML = `<svg viewBox="0 0 12 12" fill="${group.color}" aria-hidden="true">${SHAPES[group.symbol] ?? SHAPES.circle}</svg>`;
      button.append(`${group.name} (${group.count.toLocaleString("en")})`);
      button.addEventListener("click", () => toggle(group.name));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
}
