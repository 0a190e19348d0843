import { AXIS_FONT, type Frame, snap } from './canvas-surface.ts';
import { type HeatColors, heatColor, heatRange, legendTicks } from './heatmap-color.ts';
import {
  boxesOfSelection,
  type Cell,
  columnsOf,
  type HeatSelection,
  rowsOf,
} from './heatmap-geometry.ts';
import { type HeatmapLayout } from './heatmap-layout.ts';
import type { PlotBox } from './percentile-markers.ts';

/** Everything one frame is painted from, beside the frame itself. */
export interface HeatmapScene {
  readonly layout: HeatmapLayout;
  readonly colors: HeatColors;
  /** The cells alone, in device pixels of the plot: painted once, shown in many frames. */
  readonly cells: HTMLCanvasElement;
  readonly applied: HeatSelection | null;
  readonly pending: HeatSelection | null;
  /** Cell reached by keyboard while the canvas has the focus; null: none. */
  readonly cursor: Cell | null;
  readonly hovered: Cell | null;
}

/** Of the legend, CSS pixels. */
const LEGEND_WIDTH = 220;
const LEGEND_HEIGHT = 8;
/** How much of what is not selected is covered. */
const DIM = 0.68;
/** Cells at least this wide and high are drawn with a gap, CSS pixels. */
const GAP_FROM = 12;

/** Paints the cells of a layout onto a canvas of their own, transparent where nothing is. */
export function paintCells(
  layout: HeatmapLayout,
  colors: HeatColors,
  ratio: number,
): HTMLCanvasElement {
  const { grid, plot, columnLeft, rowTop } = layout;
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(plot.width * ratio));
  canvas.height = Math.max(1, Math.round(plot.height * ratio));
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('This window has no 2D canvas.');
  const rows = rowsOf(grid);
  const range = heatRange(layout.range);
  for (let column = 0; column < columnsOf(grid); column++) {
    const left = Math.round(columnLeft[column]! * ratio);
    const right = Math.round(columnLeft[column + 1]! * ratio);
    const wide = right - left >= GAP_FROM * ratio;
    for (let row = 0; row < rows; row++) {
      const sum = grid.sums[column * rows + row]!;
      if (sum <= 0) continue;
      const a = Math.round(rowTop[row]! * ratio);
      const b = Math.round(rowTop[row + 1]! * ratio);
      const tall = Math.abs(b - a);
      context.fillStyle = heatColor(colors, sum * layout.rowWeight[row]!, range);
      // Lines between small cells would make a pattern of their own.
      const gap = wide && tall >= GAP_FROM * ratio ? Math.round(ratio) : 0;
      context.fillRect(
        left,
        Math.min(a, b),
        Math.max(1, right - left - gap),
        Math.max(1, tall - gap),
      );
    }
  }
  return canvas;
}

/** Paints a heatmap: grid lines, cells, selection, axes, legend. */
export function paintHeatmap(frame: Frame, scene: HeatmapScene): void {
  const { context, palette } = frame;
  const { plot, yTicks } = scene.layout;
  context.fillStyle = palette.grid;
  for (const { position, text } of yTicks) {
    if (text === '' || position > 1 || position < 0) continue;
    context.fillRect(plot.left, Math.round(plot.top + position * plot.height), plot.width, 1);
  }
  const chosen = scene.pending ?? scene.applied;
  drawCells(frame, scene);
  if (chosen !== null) paintChosen(frame, scene, chosen);
  if (scene.hovered !== null) outlineCell(frame, scene.layout, scene.hovered, 1);
  if (scene.cursor !== null) outlineCell(frame, scene.layout, scene.cursor, 2);
  paintAxes(frame, scene.layout);
  if (scene.layout.grid.inside > 0) paintLegend(frame, scene);
}

function drawCells({ context }: Frame, { cells, layout: { plot } }: HeatmapScene): void {
  context.drawImage(cells, plot.left, plot.top, plot.width, plot.height);
}

/** What is not chosen fades; an edge around the chosen, without seams between its boxes. */
function paintChosen(frame: Frame, scene: HeatmapScene, chosen: HeatSelection): void {
  const { context, palette, ratio } = frame;
  const { plot } = scene.layout;
  const boxes = boxesOfSelection(scene.layout, chosen).map((box) =>
    onDevicePixels(box, plot, ratio),
  );
  context.save();
  context.globalAlpha = DIM;
  context.fillStyle = palette.background;
  context.fillRect(plot.left, plot.top, plot.width, plot.height);
  context.globalAlpha = 1;
  const edge = new Path2D();
  const inner = new Path2D();
  for (const { left, top, width, height } of boxes) {
    edge.rect(left - 2, top - 2, width + 4, height + 4);
    inner.rect(left, top, width, height);
  }
  context.fillStyle = scene.pending === null ? palette.accent : palette.focus;
  context.fill(edge);
  context.fillStyle = palette.background;
  context.fill(inner);
  context.clip(inner);
  drawCells(frame, scene);
  context.restore();
}

function onDevicePixels(box: PlotBox, plot: PlotBox, ratio: number): PlotBox {
  const left = snap(plot.left + box.left, ratio);
  const top = snap(plot.top + box.top, ratio);
  return {
    ...{ left, top },
    width: Math.max(1, snap(plot.left + box.left + box.width, ratio) - left),
    height: Math.max(1, snap(plot.top + box.top + box.height, ratio) - top),
  };
}

function outlineCell(frame: Frame, layout: HeatmapLayout, cell: Cell, line: number): void {
  const { context, palette } = frame;
  const { plot, columnLeft, rowTop } = layout;
  if (cell.column >= columnLeft.length - 1 || cell.row >= rowTop.length - 1) return;
  const left = Math.round(plot.left + columnLeft[cell.column]!);
  const right = Math.round(plot.left + columnLeft[cell.column + 1]!);
  const [a, b] = [rowTop[cell.row]!, rowTop[cell.row + 1]!];
  const top = Math.round(plot.top + Math.min(a, b));
  const bottom = Math.round(plot.top + Math.max(a, b));
  context.lineWidth = line;
  for (const [color, off] of [
    [palette.background, line * 1.5],
    [palette.focus, line / 2],
  ] as const) {
    context.strokeStyle = color;
    context.strokeRect(left - off, top - off, right - left + 2 * off, bottom - top + 2 * off);
  }
}

function paintAxes({ context, palette }: Frame, layout: HeatmapLayout): void {
  const { plot, xTicks, yTicks, title, grid } = layout;
  const floor = Math.round(plot.top + plot.height);
  context.fillStyle = palette.axis;
  context.font = AXIS_FONT;
  if (grid.inside > 0) context.fillRect(plot.left, floor, plot.width, 1);
  context.textAlign = 'right';
  let free = Infinity;
  const downward = yTicks.toSorted((a, b) => b.position - a.position);
  for (const { position, text } of downward) {
    if (position < -1e-9 || position > 1 + 1e-9) continue;
    const y = Math.round(plot.top + position * plot.height);
    context.fillRect(plot.left - 4, y, 4, 1);
    if (text === '' || y + 7 > free) continue;
    context.fillText(text, plot.left - 8, y);
    free = y - 7;
  }
  context.textAlign = 'center';
  for (const { position, text } of xTicks) {
    const x = Math.round(plot.left + position * plot.width);
    context.fillRect(x, floor + 1, 1, 5);
    const half = context.measureText(text).width / 2;
    const inside = Math.min(x, plot.left + plot.width + 16 - half);
    context.fillText(text, inside, floor + 16);
  }
  context.textAlign = 'left';
  if (grid.inside > 0) context.fillText(capital(title), 12, 13);
}

/** Right above the plot; its figures are the sums at the ends and the powers of ten between. */
function paintLegend({ context, palette, width, ratio }: Frame, scene: HeatmapScene): void {
  const { layout, colors } = scene;
  const { plot } = layout;
  const wide = Math.min(LEGEND_WIDTH, width / 3);
  const left = plot.left + plot.width - wide;
  // By device pixels: strips of other widths leave seams.
  const strips = Math.max(1, Math.round(wide * ratio));
  for (let strip = 0; strip < strips; strip++) {
    const step = Math.floor((strip / strips) * colors.steps.length);
    context.fillStyle = colors.steps[step]!;
    context.fillRect(snap(left, ratio) + strip / ratio, 6, 1 / ratio, LEGEND_HEIGHT);
  }
  context.fillStyle = palette.axis;
  for (const { position, text } of legendTicks(heatRange(layout.range))) {
    const x = left + position * wide;
    const half = context.measureText(text).width / 2;
    const at = Math.min(left + wide - half, Math.max(left + half, x));
    context.textAlign = 'center';
    context.fillText(text, at, 6 + LEGEND_HEIGHT + 10);
  }
  context.textAlign = 'left';
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
