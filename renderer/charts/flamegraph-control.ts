import type { FlameColumns } from '../worker/profile-protocol.ts';
import type { Viewport } from './flamegraph-geometry.ts';

/** What pointer and keyboard may do to a flame graph. Boxes are row numbers of `flame`. */
export interface FlameGraphControl {
  readonly canvas: HTMLCanvasElement;
  readonly flame: FlameColumns;
  /** Box that fills the width; 0: everything. */
  readonly zoomed: number;
  /** Box reached by keyboard or click; -1: none yet. */
  readonly focused: number;
  /** The root is at the bottom. */
  readonly isUpward: boolean;
  viewport(): Viewport;
  zoomTo(box: number): void;
  focusOn(box: number): void;
  /** Shows [from, to) of the unit interval. */
  showStretch(from: number, to: number): void;
  /** The pointer is at x, y of the canvas and at `page` of the page. */
  hoverAt(x: number, y: number, page: { readonly x: number; readonly y: number }): void;
  endHover(): void;
  paintSoon(): void;
}
