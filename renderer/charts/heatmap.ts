import type { HeatGrid } from '#shared/model/latency-heatmap.ts';
import {
  formatCount,
  formatDuration,
  formatPercent,
  formatQuantity,
} from '#shared/text/format-value.ts';
import { formatBuckets } from '#shared/text/latency-text.ts';
import { h, setText } from '../dom.ts';
import { CanvasSurface, type Frame } from './canvas-surface.ts';
import { ChartCard } from './chart-card.ts';
import { ChartTable } from './chart-table.ts';
import { type HeatBrush, heaviestCells, NO_HEAT_BRUSH, pendingSelection } from './heatmap-brush.ts';
import { heatColors, isDark } from './heatmap-color.ts';
import type { HeatmapControl } from './heatmap-control.ts';
import {
  type Cell,
  columnsOf,
  type HeatSelection,
  rowsOf,
  selectionOfCells,
  sumOf,
} from './heatmap-geometry.ts';
import { listenToHeatmapKeys } from './heatmap-keys.ts';
import {
  type HeatData,
  type HeatmapLayout,
  layoutHeatmap,
  type SubSecondHeatData,
} from './heatmap-layout.ts';
import { paintCells, paintHeatmap } from './heatmap-painter.ts';
import { listenToHeatmapPointer } from './heatmap-pointer.ts';

/** Cells in the table: the heaviest. */
const TABLE_CELLS = 50;
/** Heatmaps made so far: ids of their parts must differ. */
let made = 0;

/** A heatmap: latency over time, or parts of seconds over seconds. */
export class Heatmap implements HeatmapControl {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly table: ChartTable;
  brush: HeatBrush = NO_HEAT_BRUSH;
  private data: HeatData;
  private laidOut: { readonly layout: HeatmapLayout; readonly of: string } | null = null;
  private painted: { readonly cells: HTMLCanvasElement; readonly of: string } | null = null;
  private hovered: Cell | null = null;
  /** Grid of the layout before, whose cells the brush speaks of. */
  private brushedGrid: HeatGrid | null = null;
  /** The layout that empty note, summary and table tell of. */
  private told: HeatmapLayout | null = null;
  private readonly summaryId = `heatmap-summary-${++made}`;
  private readonly surface: CanvasSurface;
  private readonly card = new ChartCard();
  private readonly empty = h('div', { class: 'chart-empty', attributes: { role: 'status' } });
  private readonly summary = h('p', { class: 'visually-hidden', id: this.summaryId });
  private readonly spoken = h('div', {
    class: 'visually-hidden',
    attributes: { 'aria-live': 'polite' },
  });
  private readonly onSelect: (selection: HeatSelection | null) => void;

  /** `onSelect` hears of every selection the person makes; null: everything. */
  constructor(data: HeatData, onSelect: (selection: HeatSelection | null) => void) {
    this.data = data;
    this.onSelect = onSelect;
    const name = data.kind === 'latency' ? 'Latency heatmap' : 'Sub-second heatmap';
    this.canvas = h('canvas', {
      class: 'chart-canvas',
      attributes: {
        tabindex: 0,
        role: 'application',
        'aria-roledescription': 'heatmap',
        'aria-label': `${name}. Arrow keys move between cells, with Shift they extend, Enter selects, Escape clears.`,
        'aria-describedby': this.summaryId,
      },
    });
    const second = data.kind === 'latency' ? 'Latency' : 'Within the column';
    this.table = new ChartTable(name, ['Time', second, 'Count', 'Share']);
    const box = h('div', { class: 'chart-box' }, this.canvas, this.empty);
    this.element = h(
      'div',
      { class: 'chart heatmap' },
      ...[box, this.summary, this.spoken, this.table.element, this.card.element],
    );
    this.surface = new CanvasSurface(this.canvas, box, (frame) => this.paint(frame));
    listenToHeatmapPointer(this);
    listenToHeatmapKeys(this);
  }

  /** Shows other data of the same kind; the selection stays. */
  setData(data: HeatData): void {
    this.data = data;
    this.laidOut = null;
    this.surface.soon();
  }

  /** Shows a selection made elsewhere; onSelect is not called. */
  setSelected(selection: HeatSelection | null): void {
    this.brush = { ...NO_HEAT_BRUSH, applied: selection };
    this.surface.soon();
  }

  /** Ends its observers and listeners; the element is the owner's to remove. */
  dispose(): void {
    this.surface.dispose();
    this.card.hide();
  }

  setTableShown(shown: boolean): void {
    this.table.setShown(shown);
  }

  layout(): HeatmapLayout {
    const { width, height } = this.surface;
    const of = `${width} ${height} ${this.surface.fontRevision}`;
    if (this.laidOut?.of === of) return this.laidOut.layout;
    const layout = layoutHeatmap(this.data, { width, height }, this.surface.measure);
    this.laidOut = { layout, of };
    this.painted = null;
    // Cells of another grid are other cells: what was about to be selected is given up.
    if (this.brushedGrid === null || !sameShape(this.brushedGrid, layout.grid)) {
      this.brush = { ...this.brush, anchor: null, cursor: null };
      this.hovered = null;
    }
    this.brushedGrid = layout.grid;
    return layout;
  }

  setBrush(brush: HeatBrush, effect: 'moved' | 'applied'): void {
    const moved = brush !== this.brush;
    this.brush = brush;
    this.surface.soon();
    if (effect === 'applied') this.onSelect(brush.applied);
    if (moved) this.speak(effect);
  }

  select(selection: HeatSelection | null): void {
    this.setBrush({ ...NO_HEAT_BRUSH, applied: selection }, 'applied');
  }

  hover(cell: Cell | null, page: { readonly x: number; readonly y: number }): void {
    if (cell?.column !== this.hovered?.column || cell?.row !== this.hovered?.row) {
      this.surface.soon();
    }
    this.hovered = cell;
    if (cell === null) {
      this.card.hide();
      return;
    }
    const layout = this.layout();
    const sum = sumOf(layout.grid, cell);
    const [time, within] = placeOf(layout, cell);
    this.card.show(
      {
        title: time,
        lines: [
          [this.data.kind === 'latency' ? 'Latency' : 'Within', within],
          [this.quantity(sum), formatPercent(sum / layout.grid.inside)],
        ],
      },
      page,
    );
  }

  /** A sum with its unit. */
  private quantity(sum: number): string {
    return this.data.kind === 'sub-second'
      ? quantityOf(sum, this.data)
      : formatQuantity(sum, this.data.noun);
  }

  /** Says in words what the layout shows. */
  private tell(layout: HeatmapLayout): void {
    if (this.told === layout) return;
    this.told = layout;
    this.card.hide();
    const { grid } = layout;
    const { noun } = this.data;
    this.empty.hidden = grid.inside > 0;
    setText(this.empty, grid.inside > 0 ? '' : `No ${noun}s measured.`);
    const outside =
      grid.outside > 0 ? ` ${this.quantity(grid.outside)} outside of what is shown.` : '';
    const cells = heaviestCells(grid, TABLE_CELLS);
    const summary =
      grid.inside > 0
        ? `${this.quantity(grid.inside)} in ${formatCount(columnsOf(grid))} by ${formatCount(rowsOf(grid))} cells; the heaviest has ${this.quantity(grid.largest)}.${outside}`
        : `No ${noun}s measured.${outside}`;
    setText(this.summary, summary);
    this.renewTable(cells, summary);
  }

  private renewTable(cells: readonly Cell[], summary: string): void {
    const layout = this.layout();
    const { grid } = layout;
    this.table.update(
      `${summary} The ${formatCount(cells.length)} heaviest cells:`,
      cells.map((cell) => {
        const [time, within] = placeOf(layout, cell);
        const sum = sumOf(grid, cell);
        return {
          name: time,
          figures: [within, this.quantity(sum), formatPercent(sum / grid.inside)],
          selected: false,
          select: () => this.select(selectionOfCells(layout, cell, cell)),
        };
      }),
    );
  }

  private speak(effect: 'moved' | 'applied'): void {
    const selection = pendingSelection(this.brush, this.layout()) ?? this.brush.applied;
    if (selection === null) {
      setText(this.spoken, 'Nothing selected');
      return;
    }
    const { cursor } = this.brush;
    const at = cursor === null ? '' : `; cell: ${this.quantity(sumOf(this.layout().grid, cursor))}`;
    const text = selectionText(selection);
    setText(this.spoken, effect === 'applied' ? `Selected ${text}` : `${text}${at}`);
  }

  private paint(frame: Frame): void {
    const layout = this.layout();
    this.tell(layout);
    const colors = heatColors(isDark(frame.palette));
    const of = `${frame.ratio} ${frame.palette.background}`;
    if (this.painted?.of !== of)
      this.painted = { cells: paintCells(layout, colors, frame.ratio), of };
    const focused = document.activeElement === this.canvas;
    paintHeatmap(frame, {
      ...{ layout, colors, cells: this.painted.cells, applied: this.brush.applied },
      pending: pendingSelection(this.brush, layout),
      cursor: focused ? this.brush.cursor : null,
      hovered: this.hovered,
    });
  }
}

const quantityOf = (sum: number, { unit, noun }: SubSecondHeatData): string =>
  unit === 'nanoseconds' ? formatDuration(sum) : formatQuantity(sum, noun);

const sameShape = (a: HeatGrid, b: HeatGrid): boolean =>
  a.columnEdges.length === b.columnEdges.length &&
  a.rowEdges.every((edge, row) => edge === b.rowEdges[row]);

/** "3 s to 4 s, 12–13 ms" of a cell, in two parts. */
function placeOf(layout: HeatmapLayout, cell: Cell): [time: string, within: string] {
  const { columnEdges, rowEdges } = layout.grid;
  const from = columnEdges[cell.column]!;
  const low = rowEdges[cell.row]!;
  const high = rowEdges[cell.row + 1]!;
  const within =
    layout.kind === 'latency'
      ? formatBuckets({ first: low, end: high })
      : `${formatDuration(low)} to ${formatDuration(high)}`;
  return [`${formatDuration(from)} to ${formatDuration(columnEdges[cell.column + 1]!)}`, within];
}

/** "3 s to 5 s, 12–13 ms". */
function selectionText({ time, latency }: HeatSelection): string {
  const when = `${formatDuration(time.from)} to ${formatDuration(time.to)}`;
  return latency === null ? when : `${when}, ${formatBuckets(latency)}`;
}
