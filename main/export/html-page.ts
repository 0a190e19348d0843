/**
 * Style and script of the exported page, as texts: they are hashed into the page's content security
 * policy. The script uses textContent only, so that names stay text.
 */

/** Style sheet of the page. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --back: #fcfcfb; --text: #1d1a17; --quiet: #6e6861; --line: #dcd9d4; --field: #ffffff; --accent: #c2410c; }
@media (prefers-color-scheme: dark) {
  :root { --back: #161412; --text: #f5f2ee; --quiet: #9c948a; --line: #383532; --field: #211f1d; --accent: #fb8a4c; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 16px 20px 32px; background: var(--back); color: var(--text); font: 14px/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h1 { margin: 0; font-size: 17px; font-weight: 600; overflow-wrap: anywhere; }
header p, #status, footer, .loss { margin: 2px 0 0; color: var(--quiet); font-size: 13px; }
#tools { display: flex; align-items: center; gap: 8px; margin: 12px 0 8px; }
#search { flex: 0 1 320px; min-width: 120px; }
#search, button { height: 28px; padding: 0 8px; border: 1px solid var(--line); border-radius: 4px; background: var(--field); color: inherit; font: inherit; font-size: 13px; }
button:disabled { color: var(--quiet); opacity: .6; }
#match { min-width: 120px; flex: 1; color: var(--quiet); font-size: 13px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
#view { max-height: 72vh; overflow: auto; }
canvas { display: block; width: 100%; cursor: pointer; }
#status { min-height: 20px; margin: 6px 0 16px; overflow-wrap: anywhere; }
#card { position: fixed; z-index: 1; max-width: min(520px, 80vw); padding: 6px 10px; border: 1px solid var(--line); border-radius: 4px; background: var(--field); pointer-events: none; font-size: 13px; overflow-wrap: anywhere; box-shadow: 0 2px 8px #0003; }
#card b { font-weight: 600; }
#card span { display: block; color: var(--quiet); }
.loss { margin: 0 0 12px; padding-left: 18px; }
table { margin-top: 8px; border-collapse: collapse; font-size: 13px; }
caption { padding: 4px 0; text-align: left; font-weight: 600; }
th { text-align: left; font-weight: 500; color: var(--quiet); }
th, td { padding: 2px 16px 2px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td:nth-child(1), td:nth-child(2) { white-space: nowrap; }
td:nth-child(3) { font-family: ui-monospace, monospace; font-size: 12px; }
td:nth-child(4) { color: var(--quiet); }
footer { margin-top: 24px; }
@media print { #view { max-height: none; } #tools, #status, #card { display: none; } }
`;

/** Script of the page. Plain ES2022, strict, no globals. */
export const PAGE_SCRIPT = String.raw`(() => {
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const { themes, unit, labels, label, parent, total, self } = data;
const darkScheme = matchMedia('(prefers-color-scheme: dark)');
const length = label.length;
const ROW = 18, PAD = 4, FONT = '11.5px ui-monospace, monospace';
const canvas = document.getElementById('flame');
const context = canvas.getContext('2d');
const view = document.getElementById('view');
const card = document.getElementById('card');
const status = document.getElementById('status');
const match = document.getElementById('match');
const search = document.getElementById('search');
const reset = document.getElementById('reset');

// Boxes come by depth, from left to right: one pass places them. Unit: weight.
const left = new Float64Array(length), used = new Float64Array(length);
const depth = new Uint16Array(length);
const rowStart = [];
for (let box = 0; box < length; box++) {
  const above = parent[box];
  if (above >= 0) {
    left[box] = left[above] + used[above];
    used[above] += total[box];
    depth[box] = depth[above] + 1;
  }
  if (depth[box] === rowStart.length) rowStart.push(box);
}
const rows = rowStart.length;
rowStart.push(length);

let zoom = 0, focus = 0, hover = -1, upwards = false;
let matched = null, width = 0, scheduled = false;

const share = (weight, whole) => {
  const percent = whole > 0 ? weight / whole * 100 : 0;
  if (percent === 0 || percent === 100) return percent + ' %';
  return percent < 0.005 ? '<0.01 %' : percent.toFixed(percent < 9.995 ? 2 : 1) + ' %';
};
const short = (value) => String(Number(value.toPrecision(3)));
const duration = (ns) => ns < 1e3 ? short(ns) + ' ns' : ns < 1e6 ? short(ns / 1e3) + ' µs' : ns < 1e9 ? short(ns / 1e6) + ' ms' : ns < 1e12 ? short(ns / 1e9) + ' s' : Math.round(ns / 1e9).toLocaleString('en').replaceAll(',', '\u202f') + ' s';
const counted = (weight, noun) => Math.round(weight).toLocaleString('en').replaceAll(',', '\u202f') + ' ' + noun + (weight === 1 ? '' : 's');
const amount = (weight) => unit === 'nanoseconds' ? duration(weight) : counted(weight, unit === 'events' ? 'event' : 'sample');
const nameOf = (box) => labels[label[box]][0];
const edge = (box) => {
  if (depth[box] < depth[zoom]) return isAbove(box) ? [0, width] : null;
  const scale = width / Math.max(total[zoom], Number.MIN_VALUE);
  const from = Math.max(0, (left[box] - left[zoom]) * scale);
  const to = Math.min(width, (left[box] + total[box] - left[zoom]) * scale);
  return to > from ? [from, to] : null;
};
function isAbove(box) {
  for (let at = zoom; at >= 0; at = parent[at]) if (at === box) return true;
  return false;
}
const top = (box) => (upwards ? rows - 1 - depth[box] : depth[box]) * ROW;

function draw() {
  scheduled = false;
  const ratio = window.devicePixelRatio || 1;
  width = canvas.clientWidth;
  const height = rows * ROW;
  canvas.style.height = height + 'px';
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = FONT;
  context.textBaseline = 'middle';
  const character = context.measureText('m').width;
  const scale = width / Math.max(total[zoom], Number.MIN_VALUE);
  const end = left[zoom] + total[zoom];
  for (let row = 0; row < rows; row++) {
    for (let box = rowStart[row]; box < rowStart[row + 1]; box++) {
      if (row >= depth[zoom]) {
        if (total[box] * scale < 0.3) continue;
        if (left[box] >= end) break;
      }
      const span = edge(box);
      if (span !== null) drawBox(box, span[0], span[1], character);
    }
  }
}
function drawBox(box, from, to, character) {
  const [name, , pattern, slot] = labels[label[box]];
  const theme = themes[darkScheme.matches ? 1 : 0];
  const y = top(box);
  const wide = to - from;
  context.globalAlpha = depth[box] < depth[zoom] ? 0.55 : matched !== null && !matched[label[box]] ? 0.35 : 1;
  context.fillStyle = theme.fills[slot];
  context.fillRect(from, y, wide > 2 ? wide - 0.5 : wide, ROW - 1);
  if (wide > 4 && pattern !== '') texture(theme.texture, pattern, from, to, y);
  const fits = Math.floor((wide - 2 * PAD) / character);
  if (fits >= 3) {
    const all = Array.from(name);
    context.fillStyle = theme.text;
    context.fillText(all.length <= fits ? name : all.slice(0, fits - 1).join('') + '…', from + PAD, y + ROW / 2);
  }
  context.globalAlpha = 1;
  if (box === hover || (box === focus && document.activeElement === canvas)) {
    context.strokeStyle = getComputedStyle(document.body).color;
    context.lineWidth = 1.5;
    context.strokeRect(from + 0.75, y + 0.75, Math.max(1, wide - 2), ROW - 2.5);
  }
}
// Lines and dots tell kinds of code apart: colour alone would not do.
function texture(style, pattern, from, to, y) {
  context.save();
  context.beginPath();
  context.rect(from, y, to - from, ROW - 1);
  context.clip();
  context.fillStyle = context.strokeStyle = style;
  if (pattern === 'kernel' || pattern === 'incomplete') {
    const gap = pattern === 'kernel' ? 7 : 12;
    const up = pattern === 'kernel' ? y : y + ROW;
    context.lineWidth = pattern === 'kernel' ? 1.5 : 4;
    context.beginPath();
    for (let x = from - ROW - from % gap; x < to; x += gap) {
      context.moveTo(x, y + ROW + y - up);
      context.lineTo(x + ROW, up);
    }
    context.stroke();
  } else if (pattern === 'inlined') {
    for (let x = from + 2; x < to; x += 5) context.fillRect(x, y, 1, ROW);
  } else for (let x = from - from % 5; x < to; x += 5)
    for (let line = 2; line < ROW; line += 5) context.fillRect(x, y + line, 1.5, 1.5);
  context.restore();
}
function redraw() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(draw);
}
function boxAt(x, y) {
  const line = Math.floor(y / ROW);
  const row = upwards ? rows - 1 - line : line;
  if (row < 0 || row >= rows) return -1;
  for (let box = rowStart[row]; box < rowStart[row + 1]; box++) {
    const span = edge(box);
    if (span !== null && x >= span[0] && x < span[1]) return box;
  }
  return -1;
}
function describe(box) {
  const text = nameOf(box) + ': ' + amount(total[box]) + ', ' + share(total[box], total[0]) + ' of all';
  return zoom === 0 ? text : text + ', ' + share(total[box], total[zoom]) + ' of ' + nameOf(zoom);
}
function zoomTo(box) {
  zoom = focus = box;
  reset.disabled = box === 0;
  status.textContent = describe(box);
  search.value === '' || showMatch();
  redraw();
}
function showCard(event, box) {
  card.hidden = box < 0;
  if (box < 0) return;
  const [name, image] = labels[label[box]];
  const title = document.createElement('b');
  title.textContent = name;
  const lines = [image, amount(total[box]) + ' · ' + share(total[box], total[0]) + ' total · ' + share(self[box], total[0]) + ' self'];
  card.replaceChildren(title, ...lines.filter((line) => line !== '').map((line) => {
    const part = document.createElement('span');
    part.textContent = line;
    return part;
  }));
  const size = card.getBoundingClientRect();
  card.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - size.width - 8)) + 'px';
  card.style.top = (event.clientY + 18 + size.height > innerHeight ? event.clientY - size.height - 10 : event.clientY + 18) + 'px';
}
function showMatch() {
  const text = search.value;
  matched = null;
  match.textContent = '';
  if (text !== '') {
    let test;
    const expression = /^\/(.+)\/$/.exec(text);
    try {
      const pattern = expression && new RegExp(expression[1], 'i');
      test = pattern ? (name) => pattern.test(name) : (name) => name.toLowerCase().includes(text.toLowerCase());
    } catch (problem) {
      match.textContent = problem.message;
      return redraw();
    }
    matched = labels.map(([name]) => test(name));
    match.textContent = share(matchedWeight(), total[zoom]) + ' matched';
  }
  redraw();
}
// Samples below the zoomed box whose stack holds a match, each counted once.
function matchedWeight() {
  const state = new Uint8Array(length); // 1: below the zoomed box; 2: below a match, too
  let weight = 0;
  for (let box = zoom; box < length; box++) {
    const above = box === zoom ? 1 : parent[box] >= 0 ? state[parent[box]] : 0;
    if (above === 0) continue;
    state[box] = above;
    if (above === 1 && matched[label[box]]) {
      state[box] = 2;
      weight += total[box];
    }
  }
  return weight;
}
function step(key) {
  const out = upwards ? 'ArrowUp' : 'ArrowDown', back = upwards ? 'ArrowDown' : 'ArrowUp';
  let next = -1;
  if (key === back) next = parent[focus];
  else if (key === out) {
    for (let box = rowStart[depth[focus] + 1] ?? length; box < length && depth[box] === depth[focus] + 1; box++)
      if (parent[box] === focus && (next < 0 || total[box] > total[next])) next = box;
  } else {
    const beside = focus + (key === 'ArrowLeft' ? -1 : 1);
    if (beside >= 0 && beside < length && depth[beside] === depth[focus]) next = beside;
  }
  if (next < 0) return;
  focus = next;
  if (edge(next) === null) zoom = parent[next] < 0 ? 0 : parent[next];
  reset.disabled = zoom === 0;
  status.textContent = describe(next);
  redraw();
}
canvas.addEventListener('pointermove', (event) => {
  const box = boxAt(event.offsetX, event.offsetY);
  if (box !== hover) { hover = box; redraw(); }
  showCard(event, box);
});
canvas.addEventListener('pointerleave', () => { hover = -1; card.hidden = true; redraw(); });
canvas.addEventListener('click', (event) => {
  const box = boxAt(event.offsetX, event.offsetY);
  if (box >= 0) zoomTo(box);
});
canvas.addEventListener('keydown', (event) => {
  if (event.key.startsWith('Arrow')) { step(event.key); event.preventDefault(); }
  else if (event.key === 'Enter') zoomTo(focus);
});
canvas.addEventListener('focus', redraw);
canvas.addEventListener('blur', redraw);
search.addEventListener('input', showMatch);
document.getElementById('tools').addEventListener('submit', (event) => event.preventDefault());
reset.addEventListener('click', () => zoomTo(0));
document.getElementById('flip').addEventListener('click', () => {
  upwards = !upwards;
  redraw();
  view.scrollTop = upwards ? view.scrollHeight : 0;
});
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') { search.value = ''; showMatch(); zoomTo(0); }
  else if (event.key === '/' && document.activeElement !== search) { search.focus(); event.preventDefault(); }
});
addEventListener('resize', redraw);
darkScheme.addEventListener('change', redraw);
draw();
})();`;
