// The points as WebGL 2 draws them: one symbol and colour a group, those with a label ringed.

import { sizeOf } from "./view.js";

export const SYMBOLS = ["circle", "square", "diamond", "cross", "triangle-up", "x", "star"];
const MOST_GROUPS = 64;

const VERTEX = `#version 300 es
in vec2 place; in uint group;
uniform vec4 view; uniform float size; uniform float ratio; uniform float loud;
uniform vec4 looks[${MOST_GROUPS}]; // red, green, blue, symbol; symbol -1: hidden; +100: quiet
out vec3 colour; flat out int symbol; flat out int ringed; out float opacity;
void main() {
  vec4 look = looks[int(group & 127u)];
  bool quiet = look.w >= 99.5;
  ringed = int(group >> 7);
  symbol = int(quiet ? look.w - 100.0 : look.w);
  colour = look.rgb;
  opacity = quiet ? 0.5 : 0.9;
  bool mine = quiet ? loud < 0.5 : loud > 0.5;
  gl_Position = look.w < -0.5 || !mine ? vec4(9.0, 9.0, 9.0, 1.0) : vec4(place * view.xy + view.zw, 0.0, 1.0);
  gl_PointSize = (quiet ? size * 0.8 : size * 1.25 + 1.0) * ratio * (ringed == 1 ? 1.5 : 1.0);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 colour; flat in int symbol; flat in int ringed; in float opacity; out vec4 result;
float inside(vec2 p) {
  vec2 a = abs(p);
  if (symbol == 1) return max(a.x, a.y) - 0.8;
  if (symbol == 2) return a.x + a.y - 1.0;
  if (symbol == 3) return max(min(a.x, a.y) - 0.3, max(a.x, a.y) - 1.0);
  if (symbol == 4) return max(a.x * 1.9 - p.y - 0.75, p.y - 0.85) ;
  if (symbol == 5) { vec2 q = abs(vec2(p.x + p.y, p.x - p.y)) * 0.7071; return max(min(q.x, q.y) - 0.28, max(q.x, q.y) - 1.0); }
  if (symbol == 6) { float angle = atan(p.x, p.y); return length(p) * (1.0 + 0.45 * cos(5.0 * angle + 3.1416)) - 0.72; }
  return length(p) - 0.95;
}
void main() {
  vec2 p = (gl_PointCoord * 2.0 - 1.0) * vec2(1.0, -1.0);
  if (ringed == 1) {
    float far = length(p);
    if (far > 1.0) discard;
    if (far > 0.82) { result = vec4(0.5, 0.5, 0.5, 1.0); return; }
    p *= 1.5;
  }
  if (inside(p) > 0.0) discard;
  result = vec4(colour, opacity);
}`;

/** Everything WebGL keeps for a canvas; null where the browser has no WebGL 2. */
export function makePicture(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: false, preserveDrawingBuffer: true });
  if (!gl) return null;
  const picture = { canvas, gl, count: 0, looks: new Float32Array(4 * MOST_GROUPS), passes: [true, true] };
  prepare(picture);
  return picture;
}

/** Compile and make buffers; again after the browser has lost the context. */
export function prepare(picture) {
  const { gl } = picture;
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) console.error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.bindAttribLocation(program, 0, "place");
  gl.bindAttribLocation(program, 1, "group");
  gl.linkProgram(program);
  picture.program = program;
  picture.places = gl.createBuffer();
  picture.groups = gl.createBuffer();
  picture.at = Object.fromEntries(
    ["view", "size", "ratio", "loud", "looks"].map((name) => [name, gl.getUniformLocation(program, name)]),
  );
}

/** @param {Uint16Array} places */
export function givePlaces(picture, places) {
  const { gl } = picture;
  gl.bindBuffer(gl.ARRAY_BUFFER, picture.places);
  gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
  picture.count = places.length / 2;
}

/** @param {Uint8Array} groups */
export function giveGroups(picture, groups) {
  const { gl } = picture;
  gl.bindBuffer(gl.ARRAY_BUFFER, picture.groups);
  gl.bufferData(gl.ARRAY_BUFFER, groups, gl.STATIC_DRAW);
}

/** @param {{color: string, symbol: string, quiet: boolean}[]} groups */
export function giveLooks(picture, groups, hidden) {
  picture.looks.fill(-1);
  groups.slice(0, MOST_GROUPS).forEach((group, place) => {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(group.color.slice(at, at + 2), 16) / 255);
    const symbol = Math.max(0, SYMBOLS.indexOf(group.symbol)) + (group.quiet ? 100 : 0);
    picture.looks.set([red, green, blue, hidden.has(group.name) ? -1 : symbol], 4 * place);
  });
  picture.passes = [groups.some((group) => group.quiet), groups.some((group) => !group.quiet)];
}

/** Every point, or every ``step``-th of them. */
export function draw(picture, view, step = 1) {
  const { gl, canvas, at, count } = picture;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  gl.viewport(0, 0, width, height);
  gl.clearColor(0, 0, 0, 0);
  gl.clear(gl.COLOR_BUFFER_BIT);
  if (!count || !view.width) return;
  gl.useProgram(picture.program);
  gl.enable(gl.BLEND);
  gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  const whole = sizeOf(view);
  gl.uniform4f(
    at.view, (2 * whole) / view.width, (2 * whole) / view.height,
    (2 * view.left) / view.width - 1, 1 - (2 * (whole + view.top)) / view.height,
  );
  gl.uniform1f(at.size, pointSize(count, view.zoom));
  gl.uniform1f(at.ratio, ratio);
  gl.uniform4fv(at.looks, picture.looks);
  gl.bindBuffer(gl.ARRAY_BUFFER, picture.places);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 2, gl.UNSIGNED_SHORT, true, 4 * step, 0);
  gl.bindBuffer(gl.ARRAY_BUFFER, picture.groups);
  gl.enableVertexAttribArray(1);
  gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_BYTE, step, 0);
  for (const loud of [0, 1]) {
    if (!picture.passes[loud]) continue;
    gl.uniform1f(at.loud, loud);
    gl.drawArrays(gl.POINTS, 0, Math.ceil(count / step));
  }
}

/** Small where there are many, larger as one comes closer. */
export function pointSize(count, zoom) {
  const alone = count <= 20_000 ? 5 : count <= 200_000 ? 3 : 2;
  return Math.min(12, alone * Math.max(1, Math.sqrt(zoom)));
}
