import { DARK_THEME, type FlameTheme, LIGHT_THEME, textureOf } from '#shared/model/flame-theme.ts';
import { colorSlot } from '#shared/model/frame-color.ts';
import type { Exporter, ExportSource } from './exporter.ts';
import { type FlameDocument, flameDocumentOf } from './flame-document.ts';
import { escapeMarkup } from './markup.ts';

/** A flame graph as one SVG image: no script, tooltips by title elements, dark and light. */
export const SVG: Exporter = {
  id: 'svg',
  title: 'SVG flame graph',
  extension: 'svg',
  render: (source) => svgPieces(source),
};

const WIDTH = 1200;
const MARGIN = 16;
/** Width of the root, pixels. */
const SCALE = WIDTH - 2 * MARGIN;
const BOX_HEIGHT = 17;
const HEAD_HEIGHT = 56;
const FONT_SIZE = 11;
/** Advance of one character of a monospaced font. */
const CHARACTER_WIDTH = FONT_SIZE * 0.602;
/** Boxes narrower than this are left out: nobody could see them. */
const MIN_BOX_WIDTH = 0.25;

/** Rules of one theme: a class per colour slot. */
const themeRules = ({ fills, text, texture }: FlameTheme): string =>
  [
    ...fills.map((fill, slot) => `.f${slot} { fill: ${fill}; }`),
    `.box text { fill: ${text}; }`,
    `.texture { fill: ${texture}; }`,
    `.box:hover rect { stroke: ${text}; }`,
  ].join('\n');

const STYLE = `
svg { background: #fcfcfb; color-scheme: light dark; }
.title { font: 600 15px system-ui, sans-serif; fill: #1d1a17; }
.subtitle { font: 12px system-ui, sans-serif; fill: #6e6861; }
.box text { font: ${FONT_SIZE}px ui-monospace, monospace; pointer-events: none; }
${themeRules(LIGHT_THEME)}
@media (prefers-color-scheme: dark) {
svg { background: #161412; }
.title { fill: #f5f2ee; }
.subtitle { fill: #9c948a; }
${themeRules(DARK_THEME)}
}
`;

/** Textures tell kinds of code apart without colour; ids as textureOf() names them. */
const TEXTURES = `<defs>
<pattern id="kernel" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="texture" width="1.5" height="6"/></pattern>
<pattern id="jit" width="6" height="6" patternUnits="userSpaceOnUse"><rect class="texture" width="2" height="2"/><rect class="texture" x="3" y="3" width="2" height="2"/></pattern>
<pattern id="inlined" width="5" height="6" patternUnits="userSpaceOnUse"><rect class="texture" width="1" height="6"/></pattern>
<pattern id="incomplete" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect class="texture" width="4" height="9"/></pattern>
</defs>
`;

function* svgPieces(source: ExportSource): Iterable<string> {
  const flame = flameDocumentOf(source);
  const height = HEAD_HEIGHT + (deepestVisible(flame) + 1) * BOX_HEIGHT + MARGIN;
  yield `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title subtitle">
<style>${STYLE}</style>
${TEXTURES}<text class="title" id="title" x="${MARGIN}" y="26">${escapeMarkup(flame.title)}</text>
<text class="subtitle" id="subtitle" x="${MARGIN}" y="44">${escapeMarkup(flame.subtitle)}</text>
`;
  for (let box = 0; box < flame.rows.length; box++) yield boxMarkup(flame, box);
  yield '</svg>\n';
}

/** One box as a line, or nothing where it is too narrow. The root is on top. */
function boxMarkup(flame: FlameDocument, box: number): string {
  const { rows, tree } = flame;
  const width = widthOf(flame, box);
  if (width < MIN_BOX_WIDTH) return '';
  const label = flame.label(box);
  const x = MARGIN + rows.start[box]! * SCALE;
  const y = HEAD_HEIGHT + tree.depth[rows.node[box]!]! * BOX_HEIGHT;
  const words = shortened(label.name, width);
  const image = label.image === '' ? '' : `\n${label.image}`;
  const text =
    words === '' ? '' : `<text x="${decimal(x + 3)}" y="${y + 12}">${escapeMarkup(words)}</text>`;
  const place = `x="${decimal(x)}" y="${y}" width="${decimal(width)}" height="${BOX_HEIGHT - 1}"`;
  const title = escapeMarkup(flame.describe(box) + image);
  const texture = textureOf(label.kind);
  const overlay = texture === null ? '' : `<rect ${place} fill="url(#${texture})"/>`;
  return `<g class="box"><title>${title}</title><rect class="f${colorSlot(label)}" ${place}/>${overlay}${text}</g>\n`;
}

const widthOf = ({ rows }: FlameDocument, box: number): number =>
  (rows.end[box]! - rows.start[box]!) * SCALE;

/** Depth of the deepest box that is drawn. */
function deepestVisible(flame: FlameDocument): number {
  let deepest = 0;
  for (let box = 0; box < flame.rows.length; box++) {
    // Boxes are sorted by depth.
    if (widthOf(flame, box) >= MIN_BOX_WIDTH) deepest = flame.tree.depth[flame.rows.node[box]!]!;
  }
  return deepest;
}

/** What fits into `width` pixels; nothing when less than three characters do. */
function shortened(name: string, width: number): string {
  const fits = Math.floor((width - 6) / CHARACTER_WIDTH);
  if (fits < 3) return '';
  const characters = Array.from(name);
  return characters.length <= fits ? name : `${characters.slice(0, fits - 1).join('')}…`;
}

const decimal = (value: number): string => value.toFixed(2).replace(/\.?0+$/, '');
