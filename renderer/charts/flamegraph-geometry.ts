import type { FlameColumns } from '../worker/profile-protocol.ts';
import { rowCount } from './flame-model.ts';

/** Height of a row, CSS pixels: a multiple of the 4 pixel grid. */
export const ROW_HEIGHT = 20;

/** Which part of the unit interval and which rows are seen. Lengths in CSS pixels. */
export interface Viewport {
  readonly width: number;
  readonly height: number;
  /** Pixels scrolled down. */
  readonly scrollTop: number;
  /** Left and right edge, in the unit interval of FlameColumns. */
  readonly from: number;
  readonly to: number;
  /** The root is at the bottom (flame) instead of on top (icicle). */
  readonly upward: boolean;
}

/** Height of all rows, at least that of the viewport. */
export const contentHeight = (flame: FlameColumns, viewport: Viewport): number =>
  Math.max(rowCount(flame) * ROW_HEIGHT, viewport.height);

export const xOf = (viewport: Viewport, unit: number): number =>
  ((unit - viewport.from) / (viewport.to - viewport.from)) * viewport.width;

export const unitOf = (viewport: Viewport, x: number): number =>
  viewport.from + (x / viewport.width) * (viewport.to - viewport.from);

/** Top edge of a row. */
export const yOfRow = (flame: FlameColumns, viewport: Viewport, depth: number): number =>
  viewport.upward
    ? contentHeight(flame, viewport) - (depth + 1) * ROW_HEIGHT - viewport.scrollTop
    : depth * ROW_HEIGHT - viewport.scrollTop;

/** The row at a height; may lie outside the rows there are. */
export const rowAt = (flame: FlameColumns, viewport: Viewport, y: number): number =>
  viewport.upward
    ? Math.floor((contentHeight(flame, viewport) - viewport.scrollTop - y) / ROW_HEIGHT)
    : Math.floor((y + viewport.scrollTop) / ROW_HEIGHT);

/** Rows that are at least partly seen, half-open. */
export function visibleRows(
  flame: FlameColumns,
  viewport: Viewport,
): { readonly first: number; readonly end: number } {
  const a = rowAt(flame, viewport, 0);
  const b = rowAt(flame, viewport, viewport.height);
  return {
    first: Math.max(0, Math.min(a, b)),
    end: Math.min(rowCount(flame), Math.max(a, b) + 1),
  };
}

/** The first box of [from, to) whose right edge lies beyond `unit`; `to` if none does. */
export function firstEndingAfter(
  flame: FlameColumns,
  span: { readonly from: number; readonly to: number },
  unit: number,
): number {
  let low = span.from;
  let high = span.to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (flame.end[middle]! > unit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The box under a point, or -1. */
export function boxAt(flame: FlameColumns, viewport: Viewport, x: number, y: number): number {
  const row = rowAt(flame, viewport, y);
  if (row < 0 || row >= rowCount(flame) || x < 0 || x >= viewport.width) return -1;
  const unit = unitOf(viewport, x);
  const span = { from: flame.rowStart[row]!, to: flame.rowStart[row + 1]! };
  const box = firstEndingAfter(flame, span, unit);
  return box < span.to && flame.start[box]! <= unit ? box : -1;
}
