import { axisPosition, type LatencyAxis, latencyBins } from '#shared/model/latency-bins.ts';
import { bucketHigh, bucketLow } from '#shared/model/latency-buckets.ts';
import { currentPalette } from './palette.ts';

/** Least width of a bar, CSS pixels. */
const LEAST_BAR = 2;

/** Paints a histogram without axes into a canvas of the size it is laid out with; heights are by the tallest. */
export function paintMiniHistogram(
  canvas: HTMLCanvasElement,
  counts: Float64Array,
  axis: LatencyAxis,
): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return;
  const ratio = window.devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const palette = currentPalette();
  context.fillStyle = palette.grid;
  context.fillRect(0, height - 1, width, 1);
  const bins = latencyBins(counts, axis, width, LEAST_BAR);
  const tallest = bins.counts.reduce((most, count) => Math.max(most, count), 0);
  context.fillStyle = palette.bars;
  bins.counts.forEach((count, bin) => {
    if (count === 0) return;
    const left = axisPosition(axis, bucketLow(bins.edges[bin]!)) * width;
    const right =
      axisPosition(axis, Math.min(axis.to, bucketHigh(bins.edges[bin + 1]! - 1))) * width;
    const tall = Math.max(1, (count / tallest) * (height - 1));
    context.fillRect(left, height - tall, Math.max(1, right - left - 0.5), tall);
  });
}
