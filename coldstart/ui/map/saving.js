// What is shown, as a file: a picture (PNG) or a drawing (SVG), with the legend below it.

import { toScreen } from "./view.js";
import { draw, pointSize } from "./picture.js";

const ROW_PX = 22;
const ROUND = [];
// Corners from -1 to 1, upwards, as the shader draws them.
const CORNERS = {
  square: [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]],
  diamond: [[0, 1], [1, 0], [0, -1], [-1, 0]],
  cross: [[-0.3, 1], [0.3, 1], [0.3, 0.3], [1, 0.3], [1, -0.3], [0.3, -0.3], [0.3, -1], [-0.3, -1], [-0.3, -0.3], [-1, -0.3], [-1, 0.3], [-0.3, 0.3]],
  "triangle-up": [[0, 0.85], [0.84, -0.75], [-0.84, -0.75]],
  x: [[0, 0.4], [0.51, 0.91], [0.91, 0.51], [0.4, 0], [0.91, -0.51], [0.51, -0.91], [0, -0.4], [-0.51, -0.91], [-0.91, -0.51], [-0.4, 0], [-0.91, 0.51], [-0.51, 0.91]],
  star: Array.from({ length: 10 }, (_, i) => {
    const far = i % 2 ? 0.45 : 1;
    return [far * Math.sin((i * Math.PI) / 5), far * Math.cos((i * Math.PI) / 5)];
  }),
};

/** The legend in rows below a picture that is ``width`` wide. */
function legendRows(groups, width) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = "13px sans-serif";
  let [x, row] = [10, 0];
  const places = groups.map((group) => {
    const text = `${group.name} (${group.count.toLocaleString("en")})`;
    const wide = pen.measureText(text).width + 34;
    if (x > 10 && x + wide > width) [x, row] = [10, row + 1];
    const place = { group, text, x, y: row * ROW_PX + 14 };
    x += wide;
    return place;
  });
  return { places, height: (row + 1) * ROW_PX + 8 };
}

/** One point of a group as the commands of an SVG path. */
function pathOfSymbol(symbol, radius) {
  const corners = CORNERS[symbol] ?? ROUND;
  const at = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  if (!corners.length) {
    const r = (0.95 * radius).toFixed(2);
    return (x, y) => `M${at(x - 0.95 * radius, y)}a${r} ${r} 0 1 0 ${(2 * r).toFixed(2)} 0a${r} ${r} 0 1 0 ${(-2 * r).toFixed(2)} 0z`;
  }
  const steps = corners.slice(1).map(([x, y], i) => `l${((x - corners[i][0]) * radius).toFixed(2)} ${((corners[i][1] - y) * radius).toFixed(2)}`);
  const [first, rest] = [corners[0], `${steps.join("")}z`];
  return (x, y) => `M${at(x + first[0] * radius, y - first[1] * radius)}${rest}`;
}

/** The points that are in sight, a path a group: quiet ones below, those with a label ringed. */
function pointPaths({ view, places, groups, data, hidden }) {
  const size = pointSize(places.length / 2, view.zoom);
  const looks = data.legend.map((group) => {
    const radius = (group.quiet ? size * 0.8 : size * 1.25 + 1) / 2;
    return { group, radius, shape: pathOfSymbol(group.symbol, radius), points: [], rings: [] };
  });
  for (let i = 0; i < groups.length; i++) {
    const look = looks[groups[i] & 127];
    if (!look || hidden.has(look.group.name)) continue;
    const [x, y] = toScreen(view, places[2 * i], places[2 * i + 1]);
    if (x < -9 || y < -9 || x > view.width + 9 || y > view.height + 9) continue;
    look.points.push(look.shape(x, y));
    if (groups[i] >> 7) look.rings.push(`<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${(1.37 * look.radius).toFixed(1)}"/>`);
  }
  looks.sort((a, b) => b.group.quiet - a.group.quiet);
  return looks.map(({ group, points, rings }) =>
    `<path fill="${group.color}" fill-opacity="${group.quiet ? 0.5 : 0.9}" d="${points.join("")}"/>` +
    (rings.length ? `<g fill="none" stroke="#808080">${rings.join("")}</g>` : "")).join("\n");
}

export function saveSvg(map) {
  if (!map.places || !map.groups) return;
  const { view } = map;
  const { paper, ink } = colours(map);
  const legend = legendRows(shownGroups(map), view.width);
  const lasso = map.marks.lasso.map(([x, y]) => toScreen(view, x, y).map((one) => one.toFixed(1)).join(","));
  const entries = legend.places.map(({ group, text, x, y }) =>
    `<path fill="${group.color}" d="${pathOfSymbol(group.symbol, 6)(x + 6, view.height + y)}"/>` +
    `<text x="${x + 18}" y="${view.height + y + 4}">${inText(text)}</text>`);
  const whole = view.height + legend.height;
  const file = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${view.width}" height="${whole}" viewBox="0 0 ${view.width} ${whole}">`,
    `<rect width="100%" height="100%" fill="${paper}"/>`,
    `<svg width="${view.width}" height="${view.height}">`, pointPaths(map),
    lasso.length > 1 ? `<polygon fill="none" stroke="${ink}" points="${lasso.join(" ")}"/>` : "", "</svg>",
    `<g fill="${ink}" font-family="sans-serif" font-size="13">`, ...entries, "</g></svg>",
  ];
  save(new Blob([file.join("\n")], { type: "image/svg+xml" }), "coldstart-map.svg");
}

export function savePng(map) {
  const points = map.picture?.canvas;
  if (!points) return;
  draw(map.picture, map.view);
  const { view } = map;
  const { paper, ink } = colours(map);
  const ratio = points.width / view.width;
  const legend = legendRows(shownGroups(map), view.width);
  const sheet = document.createElement("canvas");
  Object.assign(sheet, { width: points.width, height: points.height + Math.round(legend.height * ratio) });
  const pen = sheet.getContext("2d");
  pen.fillStyle = paper;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.drawImage(points, 0, 0);
  pen.drawImage(map.marksCanvas, 0, 0);
  pen.scale(ratio, ratio);
  pen.font = "13px sans-serif";
  for (const { group, text, x, y } of legend.places) {
    pen.fillStyle = group.color;
    pen.fill(new Path2D(pathOfSymbol(group.symbol, 6)(x + 6, view.height + y)));
    pen.fillStyle = ink;
    pen.fillText(text, x + 18, view.height + y + 4);
  }
  sheet.toBlob((blob) => blob && save(blob, "coldstart-map.png"), "image/png");
}

function shownGroups(map) {
  return map.data.legend.filter((group) => !map.hidden.has(group.name));
}

function colours(map) {
  const style = getComputedStyle(map.root);
  return { paper: style.getPropertyValue("--st-background-color") || "#fff", ink: style.color };
}

function inText(words) {
  return words.replace(/[&<>]/g, (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[one]);
}

function save(blob, name) {
  const link = document.createElement("a");
  link.download = name;
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
