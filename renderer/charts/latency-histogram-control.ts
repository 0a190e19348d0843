import type { BucketRange } from '#shared/model/latency-buckets.ts';
import type { HistogramBrush } from './latency-histogram-brush.ts';
import type { HistogramLayout } from './latency-histogram-layout.ts';

/** What pointer and keyboard may do to a latency histogram. */
export interface HistogramControl {
  readonly canvas: HTMLCanvasElement;
  readonly brush: HistogramBrush;
  layout(): HistogramLayout;
  /** Changes the brush; `applied`: the selection is another one from now on. */
  setBrush(brush: HistogramBrush, effect: 'moved' | 'applied'): void;
  /** Applies a range, null: none. */
  select(range: BucketRange | null): void;
  /** The pointer is over a bar (-1: none), at `page` of the page. */
  hover(bar: number, page: { readonly x: number; readonly y: number }): void;
}
