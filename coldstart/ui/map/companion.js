// Thumbnails and balls over a plotly map, which can show neither: it listens to the chart's own
// events and draws into a layer above it.

import { makeTip, showTip, hideTip } from "./tip.js";

const mounted = new WeakMap();
const SVG = "http://www.w3.org/2000/svg";

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".over");
  if (!root || !data) return undefined;
  let over = mounted.get(root);
  if (!over) {
    over = { root, data, chart: null, tip: null, layer: null, timer: 0 };
    mounted.set(root, over);
    over.timer = setInterval(() => attach(over), 400); // a new figure is a new chart
  }
  over.data = data;
  attach(over);
  return () => {
    clearInterval(over.timer);
    mounted.delete(root);
  };
}

function attach(over) {
  const chart = document.querySelector(`.st-key-${over.data.chart} .js-plotly-plot`);
  if (!chart?.on || (chart === over.chart && over.box?.isConnected)) return;
  over.chart = chart;
  over.box = document.createElement("div");
  over.box.className = "cs-over-map";
  over.layer = document.createElementNS(SVG, "svg");
  const tip = document.createElement("div");
  tip.className = "cs-map-tip";
  tip.style.background = getComputedStyle(document.querySelector(".stApp")).backgroundColor;
  tip.hidden = true;
  over.box.append(over.layer, tip);
  chart.append(over.box);
  over.tip = makeTip(tip, (point) => drawBall(over, point));
  chart.on("plotly_hover", (event) => enter(over, event));
  for (const name of ["plotly_unhover", "plotly_relayouting", "plotly_relayout", "plotly_selecting"]) {
    chart.on(name, () => leave(over));
  }
  over.box.dataset.ready = "true";
}

function enter(over, event) {
  const number = event.points?.[0]?.customdata?.[1];
  if (number === undefined) return;
  const box = over.chart.getBoundingClientRect();
  over.layer.replaceChildren();
  // Below the point: beside it plotly says in words what the colour says.
  const [x, y] = [event.event.clientX - box.left, event.event.clientY - box.top + 95];
  showTip(over.tip, number, x, y, over.data, "");
}

function leave(over) {
  hideTip(over.tip);
  over.layer.replaceChildren();
}

/** A ring around each image of the ball. */
function drawBall(over, point) {
  over.layer.replaceChildren();
  if (!point.members.length) return;
  const members = new Set(point.members);
  const { xaxis, yaxis } = over.chart._fullLayout;
  for (const trace of over.chart.data) {
    (trace.customdata ?? []).forEach((custom, i) => {
      if (!members.has(custom?.[1])) return;
      const ring = document.createElementNS(SVG, "circle");
      ring.setAttribute("cx", xaxis.l2p(valueAt(trace.x, i)) + xaxis._offset);
      ring.setAttribute("cy", yaxis.l2p(valueAt(trace.y, i)) + yaxis._offset);
      ring.setAttribute("r", custom[1] === over.tip.number ? 9 : 5);
      over.layer.append(ring);
    });
  }
}

/** Plotly may have been sent numbers as text of bytes, which it has decoded beside. */
function valueAt(values, i) {
  return values._inputArray ? values._inputArray[i] : values[i];
}
