import type { HeatBrush } from './heatmap-brush.ts';
import type { Cell, HeatSelection } from './heatmap-geometry.ts';
import type { HeatmapLayout } from './heatmap-layout.ts';

/** What pointer and keyboard may do to a heatmap. */
export interface HeatmapControl {
  readonly canvas: HTMLCanvasElement;
  readonly brush: HeatBrush;
  layout(): HeatmapLayout;
  /** Changes the brush; `applied`: the selection is another one from now on. */
  setBrush(brush: HeatBrush, effect: 'moved' | 'applied'): void;
  /** Applies a selection, null: none. */
  select(selection: HeatSelection | null): void;
  /** The pointer is over a cell (null: none), at `page` of the page. */
  hover(cell: Cell | null, page: { readonly x: number; readonly y: number }): void;
}
