import type { BucketRange } from '#shared/model/latency-buckets.ts';
import type { HeatGrid } from '#shared/model/latency-heatmap.ts';
import type { HeatmapLayout } from './heatmap-layout.ts';
import type { PlotBox } from './percentile-markers.ts';

/** A cell of the grid. Row 0 is the lowest latency, or the earliest part of a second. */
export interface Cell {
  readonly column: number;
  readonly row: number;
}

/** What is selected. Latency heatmap: a rectangle. Sub-second: a stretch of time, `latency` null. */
export interface HeatSelection {
  /** ns since session start, half-open. */
  readonly time: { readonly from: number; readonly to: number };
  readonly latency: BucketRange | null;
}

/** Rows of a grid. */
export const rowsOf = (grid: HeatGrid): number => grid.rowEdges.length - 1;
/** Columns of a grid. */
export const columnsOf = (grid: HeatGrid): number => grid.columnEdges.length - 1;
/** The sum of a cell. */
export const sumOf = (grid: HeatGrid, cell: Cell): number =>
  grid.sums[cell.column * rowsOf(grid) + cell.row] ?? 0;

/** The cell at a point of the plot; `nearest`: points outside belong to the cell at the edge. */
export function cellAt(
  layout: HeatmapLayout,
  at: { readonly x: number; readonly y: number },
  nearest: boolean,
): Cell | null {
  const { plot, grid, columnLeft, rowTop } = layout;
  if (columnsOf(grid) < 1 || rowsOf(grid) < 1) return null;
  const outside = at.x < 0 || at.x >= plot.width || at.y < 0 || at.y >= plot.height;
  if (outside && !nearest) return null;
  const column = stretchAt(columnLeft, at.x);
  const row = stretchAt(rowTop, at.y);
  return { column, row };
}

/** Index of the stretch between edges, rising or falling, that holds a place, or of the nearest. */
function stretchAt(edges: Float64Array, place: number): number {
  const rising = edges[0]! <= edges.at(-1)!;
  let low = 0;
  let high = edges.length - 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const end = edges[middle + 1]!;
    if (rising ? place < end : place >= end) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** What cells `a` and `b` select: the rectangle between them, or the time from the earlier to the later. */
export function selectionOfCells(layout: HeatmapLayout, a: Cell, b: Cell): HeatSelection {
  const { columnEdges, rowEdges } = layout.grid;
  if (layout.kind === 'latency') {
    return {
      time: {
        from: columnEdges[Math.min(a.column, b.column)]!,
        to: columnEdges[Math.max(a.column, b.column) + 1]!,
      },
      latency: {
        first: rowEdges[Math.min(a.row, b.row)]!,
        end: rowEdges[Math.max(a.row, b.row) + 1]!,
      },
    };
  }
  const [first, last] =
    a.column < b.column || (a.column === b.column && a.row <= b.row) ? [a, b] : [b, a];
  return {
    time: {
      from: columnEdges[first.column]! + rowEdges[first.row]!,
      to: columnEdges[last.column]! + rowEdges[last.row + 1]!,
    },
    latency: null,
  };
}

/** The rectangles a selection covers, CSS pixels from the plot's left and top, clipped to the plot. */
export function boxesOfSelection(layout: HeatmapLayout, selection: HeatSelection): PlotBox[] {
  const { plot, grid, columnLeft } = layout;
  const { from, to } = selection.time;
  const start = grid.columnEdges[0]!;
  const span = grid.columnEdges.at(-1)! - start;
  const x = (ns: number): number => Math.min(1, Math.max(0, (ns - start) / span)) * plot.width;
  if (layout.kind === 'latency') {
    const { top, bottom } = heightsOf(layout, selection.latency);
    return [{ left: x(from), top, width: x(to) - x(from), height: bottom - top }];
  }
  const columnNs = grid.rowEdges.at(-1)!;
  const boxes: PlotBox[] = [];
  for (let column = 0; column < columnsOf(grid); column++) {
    const begin = grid.columnEdges[column]!;
    const top = Math.max(0, (from - begin) / columnNs);
    const bottom = Math.min(1, (to - begin) / columnNs);
    if (bottom <= top) continue;
    const width = columnLeft[column + 1]! - columnLeft[column]!;
    boxes.push({
      ...{ left: columnLeft[column]!, width },
      top: top * plot.height,
      height: (bottom - top) * plot.height,
    });
  }
  return boxes;
}

/** Top and bottom of a range of buckets, by the rows that hold them. */
function heightsOf(
  layout: HeatmapLayout,
  range: BucketRange | null,
): { readonly top: number; readonly bottom: number } {
  const { grid, rowTop, plot } = layout;
  if (range === null) return { top: 0, bottom: plot.height };
  let top = rowTop[0]!;
  let bottom = rowTop.at(-1)!;
  grid.rowEdges.forEach((bucket, row) => {
    if (bucket <= range.first) bottom = rowTop[row]!;
    if (bucket <= range.end) top = rowTop[row]!;
  });
  if (range.first < grid.rowEdges[0]!) bottom = rowTop[0]!;
  return { top: Math.min(top, bottom), bottom: Math.max(top, bottom) };
}
