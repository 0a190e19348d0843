import type { HeatGrid } from '#shared/model/latency-heatmap.ts';
import {
  type Cell,
  columnsOf,
  type HeatSelection,
  rowsOf,
  selectionOfCells,
} from './heatmap-geometry.ts';
import { type HeatmapLayout } from './heatmap-layout.ts';

/** What is selected, in units of the data, and what is about to be, in cells of the grid shown. */
export interface HeatBrush {
  readonly applied: HeatSelection | null;
  /** Cell reached by keyboard; null: none yet. */
  readonly cursor: Cell | null;
  /** Cell where a selection not yet applied begins; null: there is none. */
  readonly anchor: Cell | null;
}
export const NO_HEAT_BRUSH: HeatBrush = { applied: null, cursor: null, anchor: null };

/** The selection that Enter would apply. */
export const pendingSelection = (brush: HeatBrush, layout: HeatmapLayout): HeatSelection | null =>
  brush.anchor === null || brush.cursor === null
    ? null
    : selectionOfCells(layout, brush.anchor, brush.cursor);

/** `applied`: the selection changed; `moved`: only what is about to be selected. */
export interface HeatStep {
  readonly brush: HeatBrush;
  readonly effect: 'moved' | 'applied';
}

/** Rows that a page key passes. */
const PAGE = 10;

/**
 * What a key does: arrows move by a cell, Page keys by ten rows, Home and End to the first and last
 * column, with Shift they extend; the first one goes to the heaviest cell; Enter applies; Escape takes
 * back what is not applied, then clears. Null: the key is not ours.
 */
export function heatKey(
  brush: HeatBrush,
  layout: HeatmapLayout,
  key: string,
  shift: boolean,
): HeatStep | null {
  if (key === 'Enter') {
    const selection = pendingSelection(brush, layout);
    return selection === null
      ? { brush, effect: 'moved' }
      : { brush: { ...brush, applied: selection, anchor: null }, effect: 'applied' };
  }
  if (key === 'Escape') {
    if (brush.anchor !== null) {
      return { brush: { ...brush, cursor: null, anchor: null }, effect: 'moved' };
    }
    return brush.applied === null ? null : { brush: NO_HEAT_BRUSH, effect: 'applied' };
  }
  const step = stepOf(key, layout);
  if (step === null) return null;
  if (layout.grid.inside === 0) return { brush, effect: 'moved' };
  const cursor =
    brush.cursor === null ? heaviestCell(layout.grid) : moved(brush.cursor, step, layout.grid);
  const anchor = shift ? (brush.anchor ?? brush.cursor ?? cursor) : cursor;
  return { brush: { ...brush, cursor, anchor }, effect: 'moved' };
}

/** Columns and rows that a key moves by; null: not a key that moves. */
function stepOf(key: string, layout: HeatmapLayout): Cell | null {
  // Latencies grow upward; parts of a second run downward.
  const up = layout.kind === 'latency' ? 1 : -1;
  switch (key) {
    case 'ArrowLeft':
      return { column: -1, row: 0 };
    case 'ArrowRight':
      return { column: 1, row: 0 };
    case 'ArrowUp':
      return { column: 0, row: up };
    case 'ArrowDown':
      return { column: 0, row: -up };
    case 'PageUp':
      return { column: 0, row: up * PAGE };
    case 'PageDown':
      return { column: 0, row: -up * PAGE };
    case 'Home':
      return { column: -Infinity, row: 0 };
    case 'End':
      return { column: Infinity, row: 0 };
    default:
      return null;
  }
}

const moved = (from: Cell, step: Cell, grid: HeatGrid): Cell => ({
  column: Math.min(columnsOf(grid) - 1, Math.max(0, from.column + step.column)),
  row: Math.min(rowsOf(grid) - 1, Math.max(0, from.row + step.row)),
});

/** The cell with the largest sum, the first of several. */
function heaviestCell(grid: HeatGrid): Cell {
  const at = Math.max(0, grid.sums.indexOf(grid.largest));
  const rows = rowsOf(grid);
  return { column: Math.floor(at / rows), row: at % rows };
}

/** The heaviest cells, heaviest first; at most `most`. */
export function heaviestCells(grid: HeatGrid, most: number): Cell[] {
  const filled: number[] = [];
  grid.sums.forEach((sum, at) => {
    if (sum > 0) filled.push(at);
  });
  const rows = rowsOf(grid);
  return filled
    .sort((a, b) => grid.sums[b]! - grid.sums[a]! || a - b)
    .slice(0, most)
    .map((at) => ({ column: Math.floor(at / rows), row: at % rows }));
}
