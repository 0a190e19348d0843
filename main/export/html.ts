import { createHash } from 'node:crypto';
import { type KeyLabel, keySpaceOf, labelOfKey } from '#shared/model/call-tree-keys.ts';
import { DARK_THEME, type FlameTheme, LIGHT_THEME, textureOf } from '#shared/model/flame-theme.ts';
import { colorSlot } from '#shared/model/frame-color.ts';
import { functionTotals } from '#shared/model/function-totals.ts';
import type { WeightUnit } from '#shared/model/session-tables.ts';
import { formatPercent, formatQuantity } from '#shared/text/format-value.ts';
import { describeLoss } from '#shared/text/loss-text.ts';
import { printable } from '#shared/text/printable-text.ts';
import { stopOfName } from '#shared/text/unwind-text.ts';
import type { Exporter, ExportSource } from './exporter.ts';
import { type FlameDocument, flameDocumentOf } from './flame-document.ts';
import { PAGE_SCRIPT, PAGE_STYLE } from './html-page.ts';
import { escapeMarkup, scriptSafeJson } from './markup.ts';

/** One HTML file with an interactive flame graph. It loads nothing and may send nothing. */
export const HTML: Exporter = {
  id: 'html',
  title: 'HTML flame graph',
  extension: 'html',
  render: (source) => [htmlOf(source)],
};

/** More boxes than this are not drawn faster by anybody; the lightest are left out and counted. */
const MAX_BOXES = 200_000;
const TABLE_ROWS = 30;

function htmlOf(source: ExportSource): string {
  const flame = flameDocumentOf(source);
  const { data, leftOut } = pageData(flame);
  const csp = `default-src 'none'; script-src '${hashSource(PAGE_SCRIPT)}'; style-src '${hashSource(PAGE_STYLE)}'; base-uri 'none'; form-action 'none'`;
  const title = escapeMarkup(flame.title);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} – Emberscope</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p>${escapeMarkup(flame.subtitle)}</p>
</header>
<form id="tools" role="search">
<input id="search" type="search" placeholder="Search: name or /expression/" aria-label="Search functions" autocomplete="off" spellcheck="false">
<output id="match" for="search"></output>
<button id="flip" type="button">Flip</button>
<button id="reset" type="button" disabled>Reset zoom</button>
</form>
<div id="view"><canvas id="flame" tabindex="0" role="img" aria-label="Flame graph. Arrow keys move, Enter zooms, Escape resets."></canvas></div>
<p id="status" aria-live="polite">Click a box to zoom into it.</p>
<noscript><p>The flame graph needs scripts; the table below does not.</p></noscript>
${lossMarkup(source)}${leftOut === 0 ? '' : `<p>${escapeMarkup(formatQuantity(leftOut, 'box', 'boxes'))} with the least weight left out.</p>\n`}${tableMarkup(source, flame)}
<footer>Recorded by Emberscope ${escapeMarkup(printable(source.info.recordedBy))} on ${escapeMarkup(printable(source.info.host.os))}, Linux ${escapeMarkup(printable(source.info.host.kernel))}, ${escapeMarkup(printable(source.info.host.cpuModel))}.</footer>
<div id="card" hidden></div>
<script type="application/json" id="data">${scriptSafeJson(data)}</script>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
}

const hashSource = (text: string): string =>
  `sha256-${createHash('sha256').update(text).digest('base64')}`;

/** What the page's script reads; columns of equal length, boxes by depth, from left to right. */
interface PageData {
  readonly themes: readonly [light: FlameTheme, dark: FlameTheme];
  /** Of the weights. */
  readonly unit: WeightUnit;
  readonly labels: readonly (readonly [
    name: string,
    image: string,
    texture: string,
    slot: number,
  ])[];
  /** Row of labels, per box. */
  readonly label: readonly number[];
  /** Box of the parent, -1 at the root; always an earlier one. */
  readonly parent: readonly number[];
  /** Weight in it or below, and in it alone. */
  readonly total: readonly number[];
  readonly self: readonly number[];
}

function pageData(flame: FlameDocument): { readonly data: PageData; readonly leftOut: number } {
  const { rows, tree } = flame;
  const cutOff = heaviestLeftOut(tree.total);
  const labels: PageLabel[] = [];
  const labelOfKeys = new Map<number, number>();
  const data = {
    themes: [LIGHT_THEME, DARK_THEME],
    unit: flame.unit,
    labels,
    label: [],
    parent: [],
    total: [],
    self: [],
  } as {
    themes: [FlameTheme, FlameTheme];
    unit: WeightUnit;
    labels: typeof labels;
  } & Record<'label' | 'parent' | 'total' | 'self', number[]>;
  /** Row in the page's columns of every box that is kept. */
  const place = new Int32Array(rows.length).fill(-1);
  for (let box = 0; box < rows.length; box++) {
    const node = rows.node[box]!;
    // A child weighs no more than its parent, so the parent of a kept box is kept.
    if (tree.total[node]! <= cutOff) continue;
    let label = labelOfKeys.get(tree.key[node]!);
    if (label === undefined) {
      const words = flame.label(box);
      label = labels.push(pageLabel(words)) - 1;
      labelOfKeys.set(tree.key[node]!, label);
    }
    place[box] = data.label.push(label) - 1;
    data.parent.push(box === 0 ? -1 : place[rows.parent[box]!]!);
    data.total.push(tree.total[node]!);
    data.self.push(tree.self[node]!);
  }
  return { data, leftOut: rows.length - data.label.length };
}

type PageLabel = PageData['labels'][number];

/** The image's place says what an inlined or incomplete box is. */
function pageLabel(words: KeyLabel): PageLabel {
  const { name, image, kind } = words;
  const stop = kind === 'incomplete' ? stopOfName(name) : null;
  const note =
    stop === null
      ? [kind === 'inlined' ? 'inlined' : '', image].filter((part) => part !== '').join(' · ')
      : `${stop.sentence} ${stop.remedy}`;
  return [name, note, textureOf(kind) ?? '', colorSlot(words)];
}

/** The weight up to which boxes are left out so that no more than MAX_BOXES remain; -1: all stay. */
function heaviestLeftOut(totals: Float64Array): number {
  return totals.length <= MAX_BOXES
    ? -1
    : Float64Array.from(totals)
        .sort()
        .at(-MAX_BOXES - 1)!;
}

function lossMarkup({ info }: ExportSource): string {
  const items = info.loss
    .filter(({ count }) => count > 0)
    .map((entry) => {
      const { quantity, sentence, remedy } = describeLoss(entry);
      return `<li>${escapeMarkup(`${quantity}: ${sentence} ${remedy}`)}</li>`;
    });
  return items.length === 0 ? '' : `<ul class="loss">${items.join('')}</ul>\n`;
}

/** The hottest functions as a plain table: for screen readers, print and pages without scripts. */
function tableMarkup({ tables }: ExportSource, flame: FlameDocument): string {
  const space = keySpaceOf(tables, 'command');
  const totals = functionTotals(flame.tree, space, tables.frames);
  const whole = flame.tree.total[0]!;
  const rows: string[] = [];
  for (let row = 0; row < Math.min(TABLE_ROWS, totals.length); row++) {
    const { name, image } = labelOfKey(tables, space, totals.key[row]!, totals.frame[row]!);
    const cells = [totals.self[row]!, totals.total[row]!].map(
      (weight) => `<td>${escapeMarkup(formatPercent(weight / whole))}</td>`,
    );
    const words = [name, image].map((text) => `<td>${escapeMarkup(printable(text))}</td>`);
    rows.push(`<tr>${cells.join('')}${words.join('')}</tr>`);
  }
  return `<table>
<caption>Hottest functions</caption>
<thead><tr><th scope="col">self</th><th scope="col">total</th><th scope="col">function</th><th scope="col">image</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`;
}
