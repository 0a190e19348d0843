import type { TimeRange } from '#shared/model/call-tree-selection.ts';
import { formatDuration } from '#shared/text/format-value.ts';
import { h, setAttribute, setText } from '../dom.ts';
import { currentPalette, onPaletteChange, type Palette } from './palette.ts';
import { roundedTop, timeTicks } from './timeline-axis.ts';
import { listenToBrush } from './timeline-brush.ts';

/** What the strip shows: how busy the CPUs were, per stretch of time. */
export interface TimelineData {
  /** Weight per bin. */
  readonly weight: Float64Array;
  /** ns */
  readonly binWidth: number;
  /** ns: right end of the axis. */
  readonly duration: number;
  /** Weight that one busy CPU makes in one ns; 0: unknown. */
  readonly weightPerCpuNs: number;
  /** CPUs of the machine recorded: more cannot be busy. */
  readonly cpus: number;
}

const AXIS_HEIGHT = 18;
const LABEL_FONT = '11px "Inter Variable", sans-serif';

/** Samples over time, with a brush that selects a range. */
export class TimelineStrip {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  data: TimelineData = {
    weight: new Float64Array(1),
    binWidth: 1,
    duration: 0,
    weightPerCpuNs: 0,
    cpus: 0,
  };
  selected: TimeRange | null = null;
  private frame = 0;
  private readonly context: CanvasRenderingContext2D;
  private readonly spoken: HTMLElement;

  /** `onSelect` hears of every change the person makes; `final` is false while the pointer is down. */
  constructor(onSelect: (range: TimeRange | null, final: boolean) => void) {
    this.canvas = h('canvas', {
      class: 'timeline-canvas',
      attributes: {
        tabindex: 0,
        role: 'application',
        'aria-roledescription': 'timeline',
        'aria-label':
          'Samples over time. Drag to select a range; arrow keys move it, Shift and arrow keys change its end, Escape clears it.',
      },
    });
    this.spoken = h('div', { class: 'visually-hidden', attributes: { 'aria-live': 'polite' } });
    this.element = h('div', { class: 'timeline' }, this.canvas, this.spoken);
    const context = this.canvas.getContext('2d', { alpha: false });
    if (context === null) throw new Error('This window has no 2D canvas.');
    this.context = context;
    new ResizeObserver(() => this.paint()).observe(this.element);
    onPaletteChange(() => this.paintSoon());
    listenToBrush(this, (range, final) => {
      this.setSelected(range);
      onSelect(range, final);
    });
  }

  get width(): number {
    return Math.max(1, this.element.clientWidth);
  }

  setData(data: TimelineData): void {
    this.data = data;
    this.paintSoon();
  }

  setSelected(range: TimeRange | null): void {
    this.selected = range;
    const text =
      range === null
        ? 'Whole recording'
        : `${formatDuration(range.from)} to ${formatDuration(range.to)} selected`;
    setText(this.spoken, text);
    setAttribute(this.canvas, 'aria-valuetext', text);
    this.paintSoon();
  }

  xOf(time: number): number {
    return this.data.duration <= 0 ? 0 : (time / this.data.duration) * this.width;
  }

  timeOf(x: number): number {
    const { duration } = this.data;
    return Math.min(duration, Math.max(0, (x / this.width) * duration));
  }

  private paintSoon(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.paint());
  }

  private paint(): void {
    this.frame = 0;
    const ratio = window.devicePixelRatio;
    const { width } = this;
    const height = this.element.clientHeight;
    if (height === 0) return;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const { context } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const palette = currentPalette();
    context.fillStyle = palette.background;
    context.fillRect(0, 0, width, height);
    this.paintAxis(palette, height);
    this.paintBars(palette, height - AXIS_HEIGHT);
    this.paintSelection(palette, height - AXIS_HEIGHT);
  }

  private paintAxis(palette: Palette, height: number): void {
    const { context } = this;
    context.font = LABEL_FONT;
    context.textBaseline = 'middle';
    for (const { at, text } of timeTicks(this.data.duration, this.width)) {
      const x = Math.round(this.xOf(at));
      context.fillStyle = palette.grid;
      context.fillRect(x, 0, 1, height - AXIS_HEIGHT + 4);
      context.fillStyle = palette.axis;
      const room = this.width - x > 48;
      if (room) context.fillText(text, x + (x === 0 ? 8 : 4), height - AXIS_HEIGHT / 2 + 1);
    }
  }

  private paintBars(palette: Palette, height: number): void {
    const { context, data, selected } = this;
    const { weight, binWidth } = data;
    const perCpu = data.weightPerCpuNs * binWidth;
    const top = this.top();
    for (let bin = 0; bin < weight.length; bin++) {
      if (weight[bin] === 0) continue;
      const value = perCpu > 0 ? weight[bin]! / perCpu : weight[bin]!;
      const x = this.xOf(bin * binWidth);
      const next = this.xOf((bin + 1) * binWidth);
      const inside =
        selected === null || ((bin + 1) * binWidth > selected.from && bin * binWidth < selected.to);
      context.fillStyle = inside ? palette.bars : palette.grid;
      const tall = Math.max(1, Math.min(1, value / top) * (height - 4));
      context.fillRect(x, height - tall, Math.max(0.75, next - x - (next - x > 3 ? 1 : 0)), tall);
    }
    if (perCpu > 0 && weight.length > 1) {
      context.font = LABEL_FONT;
      const text = `${top} ${top === 1 ? 'CPU' : 'CPUs'}`;
      const room = context.measureText(text).width + 8;
      context.fillStyle = palette.background;
      context.fillRect(this.width - room - 4, 0, room, 17);
      context.fillStyle = palette.axis;
      context.fillText(text, this.width - room, 9);
    }
  }

  /** Upper end of the value axis: CPUs, or weight per bin when the rate is not known. */
  private top(): number {
    const { weight, binWidth, weightPerCpuNs } = this.data;
    let largest = 0;
    for (const value of weight) if (value > largest) largest = value;
    const perCpu = weightPerCpuNs * binWidth;
    if (perCpu <= 0) return roundedTop(largest);
    // A sample more than the rate promises can fall into a short bin: no CPU is more than busy.
    return Math.min(roundedTop(largest / perCpu), Math.max(1, this.data.cpus));
  }

  private paintSelection(palette: Palette, height: number): void {
    if (this.selected === null) return;
    const left = this.xOf(this.selected.from);
    const right = this.xOf(this.selected.to);
    this.context.fillStyle = palette.accentFaint;
    this.context.fillRect(left, 0, right - left, height);
    this.context.fillStyle = palette.accent;
    this.context.fillRect(left, 0, 1.5, height);
    this.context.fillRect(right - 1.5, 0, 1.5, height);
    this.context.font = LABEL_FONT;
    const text = formatDuration(this.selected.to - this.selected.from);
    const width = this.context.measureText(text).width;
    if (right - left > width + 12) this.context.fillText(text, left + 6, 9);
  }
}
