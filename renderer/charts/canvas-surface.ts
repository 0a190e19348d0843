import { currentPalette, onPaletteChange, type Palette } from './palette.ts';

/** Font of axes and labels; tabular figures are not to be had on a canvas. */
export const AXIS_FONT = '450 11px "Inter Variable", sans-serif';

/** One frame to paint on; lengths in CSS pixels. */
export interface Frame {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  /** Device pixels per CSS pixel. */
  readonly ratio: number;
  readonly palette: Palette;
}

/**
 * A canvas that fills its element: repainted when size, device pixel ratio, theme or font change, and
 * once per frame however often it is asked for.
 */
export class CanvasSurface {
  readonly context: CanvasRenderingContext2D;
  private readonly canvas: HTMLCanvasElement;
  private readonly box: HTMLElement;
  private readonly paint: (frame: Frame) => void;
  private readonly widths = new Map<string, number>();
  private frame = 0;
  private readonly observer: ResizeObserver;
  /** Aborted when the surface is given up: everything that calls back ends with it. */
  private readonly life = new AbortController();
  /** Counts the changes of text widths: what was laid out with other widths is out of date. */
  fontRevision = 0;

  /** `paint` is called with a cleared frame; `box` gives the size. */
  constructor(canvas: HTMLCanvasElement, box: HTMLElement, paint: (frame: Frame) => void) {
    this.canvas = canvas;
    this.box = box;
    this.paint = paint;
    const context = canvas.getContext('2d', { alpha: false });
    if (context === null) throw new Error('This window has no 2D canvas.');
    this.context = context;
    // At once: a canvas that waits for the next frame would show a stretched picture.
    this.observer = new ResizeObserver(() => this.now());
    this.observer.observe(box);
    onPaletteChange(() => this.soon(), this.life.signal);
    this.watchRatio();
    void document.fonts.load(AXIS_FONT).then(() => {
      if (this.life.signal.aborted) return;
      this.widths.clear();
      this.fontRevision++;
      this.soon();
    });
  }

  get width(): number {
    return this.box.clientWidth;
  }

  get height(): number {
    return this.box.clientHeight;
  }

  /** Width of a text in AXIS_FONT, CSS pixels. */
  readonly measure = (text: string): number => {
    let width = this.widths.get(text);
    if (width === undefined) {
      if (this.widths.size > 2000) this.widths.clear();
      this.context.font = AXIS_FONT;
      width = this.context.measureText(text).width;
      this.widths.set(text, width);
    }
    return width;
  };

  soon(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.now());
  }

  /** Ends all that would paint again: for a canvas that is taken off the page. */
  dispose(): void {
    this.life.abort();
    this.observer.disconnect();
    cancelAnimationFrame(this.frame);
  }

  private now(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { width, height, canvas, context } = this;
    if (width === 0 || height === 0) return;
    const ratio = window.devicePixelRatio;
    const pixelWidth = Math.round(width * ratio);
    const pixelHeight = Math.round(height * ratio);
    if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
      canvas.width = pixelWidth;
      canvas.height = pixelHeight;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const palette = currentPalette();
    context.fillStyle = palette.background;
    context.fillRect(0, 0, width, height);
    context.font = AXIS_FONT;
    context.textBaseline = 'middle';
    context.textAlign = 'left';
    this.paint({ context, width, height, ratio, palette });
  }

  /** A window moved to another display changes its ratio without changing its size. */
  private watchRatio(): void {
    const query = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    const changed = (): void => {
      this.watchRatio();
      this.soon();
    };
    query.addEventListener('change', changed, { once: true, signal: this.life.signal });
  }
}

/** Moves a length to the nearest device pixel: edges without a blurred seam. */
export const snap = (length: number, ratio: number): number => Math.round(length * ratio) / ratio;
