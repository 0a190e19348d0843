import type { BucketRange } from '#shared/model/latency-buckets.ts';
import { hillAround } from './latency-histogram-brush.ts';
import type { HistogramControl } from './latency-histogram-control.ts';
import { barAt, edgesOfRange, nearestBar, rangeOfBars } from './latency-histogram-layout.ts';

/** Pixels around an edge of the selection that grab it. */
const GRIP = 5;
/** A shorter drag is a click, pixels. */
const LEAST_DRAG = 3;

interface Drag {
  readonly x: number;
  /** Buckets that stay in the range wherever the pointer goes; a click without a grip: null. */
  readonly fixed: BucketRange;
  readonly gripped: boolean;
  dragged: boolean;
}

/**
 * Drag selects bars; dragging an edge of the selection moves that edge; a click takes one bar, with
 * Shift it extends, beside all bars it clears; a double click takes the whole hill.
 */
export function listenToHistogramPointer(chart: HistogramControl): void {
  const { canvas } = chart;
  let drag: Drag | null = null;
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    drag = startDrag(chart, event.offsetX);
    if (drag !== null) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (drag === null) {
      hoverAt(chart, event);
      return;
    }
    if (Math.abs(event.offsetX - drag.x) >= LEAST_DRAG) drag.dragged = true;
    if (!drag.dragged) return;
    const bar = barUnder(chart, event.offsetX);
    chart.setBrush({ ...chart.brush, anchor: drag.fixed, cursor: bar }, 'moved');
    chart.hover(-1, { x: 0, y: 0 });
  });
  canvas.addEventListener('pointerup', (event) => {
    const ended = drag;
    drag = null;
    if (ended?.dragged === true) {
      chart.select(union(ended.fixed, barUnder(chart, event.offsetX)));
    } else if (ended !== null && !ended.gripped) click(chart, event);
  });
  canvas.addEventListener('pointercancel', () => {
    drag = null;
    chart.setBrush({ ...chart.brush, anchor: null }, 'moved');
  });
  canvas.addEventListener('pointerleave', () => chart.hover(-1, { x: 0, y: 0 }));
  canvas.addEventListener('dblclick', (event) => {
    const layout = chart.layout();
    const bar = barAt(layout, event.offsetX - layout.plot.left);
    if (bar < 0 || layout.bins.counts[bar] === 0) return;
    const { first, last } = hillAround(layout.bins.counts, bar);
    chart.select(rangeOfBars(layout.bins, first, last));
  });
}

/** Null: there are no bars. */
function startDrag(chart: HistogramControl, x: number): Drag | null {
  const layout = chart.layout();
  if (layout.stats.count === 0) return null;
  const { applied } = chart.brush;
  const edge = applied === null ? null : gripAt(chart, applied, x);
  if (applied === null || edge === null) {
    return { x, fixed: barUnder(chart, x), gripped: false, dragged: false };
  }
  // The edge that is not gripped stays.
  const fixed =
    edge === 'left'
      ? { first: applied.end - 1, end: applied.end }
      : { first: applied.first, end: applied.first + 1 };
  return { x, fixed, gripped: true, dragged: false };
}

function gripAt(chart: HistogramControl, range: BucketRange, x: number): 'left' | 'right' | null {
  const layout = chart.layout();
  const { left, right } = edgesOfRange(layout, range);
  const toLeft = Math.abs(x - layout.plot.left - left);
  const toRight = Math.abs(x - layout.plot.left - right);
  if (Math.min(toLeft, toRight) > GRIP || right - left < 2 * GRIP) return null;
  return toLeft < toRight ? 'left' : 'right';
}

function barUnder(chart: HistogramControl, x: number): BucketRange {
  const layout = chart.layout();
  const bar = nearestBar(layout, x - layout.plot.left);
  return rangeOfBars(layout.bins, bar, bar);
}

const union = (a: BucketRange, b: BucketRange): BucketRange => ({
  first: Math.min(a.first, b.first),
  end: Math.max(a.end, b.end),
});

function click(chart: HistogramControl, event: PointerEvent): void {
  const layout = chart.layout();
  const bar = barAt(layout, event.offsetX - layout.plot.left);
  if (bar < 0 || layout.bins.counts[bar] === 0) {
    chart.select(null);
    return;
  }
  const range = rangeOfBars(layout.bins, bar, bar);
  const { applied } = chart.brush;
  chart.select(event.shiftKey && applied !== null ? union(applied, range) : range);
}

function hoverAt(chart: HistogramControl, event: PointerEvent): void {
  const layout = chart.layout();
  const x = event.offsetX - layout.plot.left;
  const inside =
    event.offsetY >= layout.plot.top && event.offsetY < layout.plot.top + layout.plot.height;
  const { applied } = chart.brush;
  const grips = applied !== null && gripAt(chart, applied, event.offsetX) !== null;
  chart.canvas.style.cursor = grips ? 'ew-resize' : 'crosshair';
  chart.hover(inside && layout.stats.count > 0 ? barAt(layout, x) : -1, {
    x: event.clientX,
    y: event.clientY,
  });
}
