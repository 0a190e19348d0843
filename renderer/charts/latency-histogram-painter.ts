import type { BucketRange } from '#shared/model/latency-buckets.ts';
import { type Frame, snap } from './canvas-surface.ts';
import { edgesOfRange, type HistogramLayout, MARKER_ROW } from './latency-histogram-layout.ts';

/** Everything one frame is painted from, beside the frame itself. */
export interface HistogramScene {
  readonly layout: HistogramLayout;
  readonly applied: BucketRange | null;
  readonly pending: BucketRange | null;
  /** Bar reached by keyboard while the canvas has the focus; null: none. */
  readonly cursor: BucketRange | null;
  /** Bar under the pointer, -1: none. */
  readonly hovered: number;
}

/** Bars at least this wide are drawn with a gap, CSS pixels. */
const GAP_FROM = 6;
/** A count, however small beside the others, is seen, CSS pixels. */
const LEAST_HEIGHT = 2;

/** Paints a histogram: grid, bars, selection, cumulative line, percentiles, axes. */
export function paintHistogram(frame: Frame, scene: HistogramScene): void {
  paintGrid(frame, scene.layout);
  if (scene.applied !== null) paintShade(frame, scene.layout, scene.applied);
  paintBars(frame, scene);
  paintCumulative(frame, scene.layout);
  paintAxes(frame, scene.layout);
  paintMarkers(frame, scene.layout);
  if (scene.applied !== null) paintEdges(frame, scene.layout, scene.applied);
  if (scene.pending !== null) paintPending(frame, scene.layout, scene.pending);
  if (scene.cursor !== null) paintCursor(frame, scene.layout, scene.cursor);
}

function paintGrid({ context, palette }: Frame, { plot, yTicks }: HistogramLayout): void {
  context.fillStyle = palette.grid;
  for (const { position } of yTicks) {
    context.fillRect(plot.left, Math.round(plot.top + (1 - position) * plot.height), plot.width, 1);
  }
}

function paintBars(frame: Frame, scene: HistogramScene): void {
  const { context, palette, ratio } = frame;
  const { plot, bars, bins } = scene.layout;
  const chosen = scene.pending ?? scene.applied;
  const floor = plot.top + plot.height;
  // Large areas of the pure accent would outshine everything else on the page.
  const fill = `color-mix(in oklab, ${palette.accent} 84%, ${palette.background})`;
  for (let bar = 0; bar < bars.left.length; bar++) {
    if (bins.counts[bar] === 0) continue;
    const left = snap(plot.left + bars.left[bar]!, ratio);
    const right = snap(plot.left + bars.right[bar]!, ratio);
    const gap = right - left >= GAP_FROM ? 1 : 0;
    const tall = snap(Math.max(LEAST_HEIGHT, bars.height[bar]! * plot.height), ratio);
    const inside =
      chosen === null || (bins.edges[bar]! >= chosen.first && bins.edges[bar + 1]! <= chosen.end);
    context.fillStyle = inside ? fill : palette.bars;
    context.fillRect(left, floor - tall, Math.max(1 / ratio, right - left - gap), tall);
  }
  if (scene.hovered < 0 || scene.hovered >= bars.left.length) return;
  const left = plot.left + bars.left[scene.hovered]!;
  const width = Math.max(1, bars.right[scene.hovered]! - bars.left[scene.hovered]!);
  context.fillStyle = palette.hover;
  context.fillRect(left, plot.top, width, plot.height);
}

function paintShade(frame: Frame, layout: HistogramLayout, range: BucketRange): void {
  const { left, right } = edgesOfRange(layout, range);
  const { plot } = layout;
  frame.context.fillStyle = frame.palette.accentFaint;
  frame.context.fillRect(plot.left + left, plot.top, right - left, plot.height);
}

function paintEdges(frame: Frame, layout: HistogramLayout, range: BucketRange): void {
  const { context, palette } = frame;
  const { left, right } = edgesOfRange(layout, range);
  const { plot } = layout;
  context.fillStyle = palette.accent;
  for (const x of [plot.left + left, plot.left + right - 2]) {
    context.fillRect(Math.round(x), plot.top, 2, plot.height);
  }
}

/** Dashed, and drawn around: what is not applied yet must not look as if it were. */
function paintPending(frame: Frame, layout: HistogramLayout, range: BucketRange): void {
  const { context, palette } = frame;
  const { left, right } = edgesOfRange(layout, range);
  const { plot } = layout;
  context.save();
  context.strokeStyle = palette.focus;
  context.setLineDash([4, 3]);
  context.lineWidth = 1;
  context.strokeRect(
    Math.round(plot.left + left) - 1.5,
    plot.top + 0.5,
    Math.max(2, Math.round(right - left) + 2),
    plot.height - 1,
  );
  context.restore();
}

/** A mark below the axis: the bars themselves keep their shape. */
function paintCursor(frame: Frame, layout: HistogramLayout, cursor: BucketRange): void {
  const { context, palette } = frame;
  const { left, right } = edgesOfRange(layout, cursor);
  const { plot } = layout;
  const x = plot.left + (left + right) / 2;
  const y = plot.top + plot.height + 1;
  context.fillStyle = palette.focus;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + 5, y + 7);
  context.lineTo(x - 5, y + 7);
  context.fill();
}

function paintCumulative({ context, palette }: Frame, layout: HistogramLayout): void {
  const { cumulative, plot, bars } = layout;
  if (cumulative === null) return;
  const y = (share: number): number => plot.top + (1 - share) * plot.height;
  context.save();
  context.beginPath();
  let share = 0;
  for (let bar = 0; bar < cumulative.length; bar++) {
    if (bar === 0) context.moveTo(plot.left + bars.left[0]!, y(share));
    share = cumulative[bar]!;
    context.lineTo(plot.left + bars.right[bar]!, y(share));
  }
  context.lineJoin = 'round';
  // A line of the background's colour below: it is seen on bars and beside them.
  context.strokeStyle = palette.background;
  context.lineWidth = 4;
  context.stroke();
  context.strokeStyle = palette.text;
  context.lineWidth = 1.75;
  context.stroke();
  context.restore();
}

function paintAxes(frame: Frame, layout: HistogramLayout): void {
  const { context, palette } = frame;
  const { plot, xTicks, yTicks, cumulative } = layout;
  const floor = Math.round(plot.top + plot.height);
  context.fillStyle = palette.axis;
  if (layout.stats.count > 0) context.fillRect(plot.left, floor, plot.width, 1);
  context.textAlign = 'right';
  for (const { position, text } of yTicks) {
    context.fillText(text, plot.left - 8, plot.top + (1 - position) * plot.height);
  }
  if (cumulative !== null) {
    context.textAlign = 'left';
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      context.fillText(
        `${share * 100} %`,
        plot.left + plot.width + 8,
        plot.top + (1 - share) * plot.height,
      );
    }
  }
  context.textAlign = 'left';
  if (layout.yTitle !== '') context.fillText(capital(layout.yTitle), 12, 13);
  paintLatencyTicks(frame, layout, xTicks);
}

function paintLatencyTicks(
  { context, palette }: Frame,
  { plot }: HistogramLayout,
  ticks: HistogramLayout['xTicks'],
): void {
  const floor = Math.round(plot.top + plot.height);
  context.fillStyle = palette.axis;
  context.textAlign = 'center';
  let free = 0;
  for (const { position, text } of ticks) {
    if (position < -1e-9 || position > 1 + 1e-9) continue;
    const x = Math.round(plot.left + position * plot.width);
    context.fillRect(x, floor + 1, 1, text === '' ? 3 : 5);
    if (text === '') continue;
    const half = context.measureText(text).width / 2;
    if (x - half < free) continue;
    context.fillText(text, Math.min(x, plot.left + plot.width + 18 - half), floor + 16);
    free = x + half + 12;
  }
  context.textAlign = 'left';
}

function paintMarkers({ context, palette }: Frame, layout: HistogramLayout): void {
  const { plot, markers } = layout;
  const floor = plot.top + plot.height;
  context.save();
  context.setLineDash([3, 3]);
  context.lineWidth = 1;
  for (const { x, top } of markers) {
    context.strokeStyle = palette.text;
    context.setLineDash([3, 3]);
    line(context, x + 0.5, plot.top, floor);
    context.setLineDash([]);
    line(context, x + 0.5, top + 3, plot.top);
  }
  context.restore();
  for (const { left, top, name, value } of markers) {
    const y = top + MARKER_ROW / 2;
    context.fillStyle = palette.axis;
    context.fillText(name, left + 5, y);
    const after = context.measureText(`${name} `).width;
    context.fillStyle = palette.text;
    context.fillText(value, left + 5 + after, y);
  }
}

function line(context: CanvasRenderingContext2D, x: number, top: number, floor: number): void {
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x, floor);
  context.stroke();
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
