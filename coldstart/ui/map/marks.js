// What is drawn over the points: the lasso, and the members of a ball.

import { toScreen } from "./view.js";

/** @param {{lasso: number[][], members: number[], centre: number}} what places of the map */
export function drawMarks(canvas, view, places, what) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, view.width, view.height);
  const accent = getComputedStyle(canvas).getPropertyValue("--st-primary-color") || "#1b7d96";
  pen.strokeStyle = accent;
  pen.lineWidth = 1.5;
  if (places) {
    const at = (i) => toScreen(view, places[2 * i], places[2 * i + 1]);
    for (const member of what.members) ring(pen, at(member), 5);
    if (what.centre >= 0) ring(pen, at(what.centre), 9);
  }
  if (what.lasso.length > 1) {
    pen.beginPath();
    for (const [x, y] of what.lasso) pen.lineTo(...toScreen(view, x, y));
    pen.closePath();
    pen.globalAlpha = 0.14;
    pen.fillStyle = accent;
    pen.fill("evenodd");
    pen.globalAlpha = 1;
    pen.stroke();
  }
}

function ring(pen, [x, y], radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.stroke();
}
