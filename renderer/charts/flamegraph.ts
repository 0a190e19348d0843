import { easeCubicOut } from 'd3';
import { h } from '../dom.ts';
import type { FlameColumns } from '../worker/profile-protocol.ts';
import {
  boxAtPath,
  depthOf,
  EMPTY_FLAME,
  type FlameModel,
  LabelTable,
  pathOf,
} from './flame-model.ts';
import type { FlameGraphControl } from './flamegraph-control.ts';
import {
  boxAt,
  contentHeight,
  ROW_HEIGHT,
  type Viewport,
  xOf,
  yOfRow,
} from './flamegraph-geometry.ts';
import { listenToKeys } from './flamegraph-keys.ts';
import { paintFlame } from './flamegraph-painter.ts';
import { listenToPointer } from './flamegraph-pointer.ts';
import { currentPalette, motionAllowed, onPaletteChange } from './palette.ts';
import { TextFit } from './text-fit.ts';
import { makeTextures, type Textures } from './textures.ts';

const FONT = '500 11px "JetBrains Mono Variable", monospace';
/** Length of the zoom's movement, ms. */
const ZOOM_MS = 130;

export interface FlameGraphEvents {
  /** Box under the pointer, -1: none; the pointer in page coordinates. */
  onHover(box: number, x: number, y: number): void;
  onZoom(box: number): void;
  /** Box reached by keyboard or click. */
  onFocus(box: number): void;
}

/** Part of the zoomed box that is seen: 0 to 1 of its width. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}
const WHOLE: Stretch = { from: 0, to: 1 };

/**
 * The flame graph: a canvas of the size of the view, in a scroller as high as all rows. Zoom and focus
 * are kept as paths of labels, so that they survive a new picture.
 */
export class FlameGraph implements FlameGraphControl {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  model: FlameModel = { flame: EMPTY_FLAME, labels: new LabelTable(), unit: 'samples' };
  zoomed = 0;
  focused = -1;
  hovered = -1;
  private zoomPath: readonly number[] = [];
  private focusPath: readonly number[] = [];
  private stretch: Stretch = WHOLE;
  private shown: Stretch = WHOLE;
  private moving: { readonly from: Stretch; readonly began: number } | null = null;
  private matched: Uint8Array | null = null;
  private upward = false;
  private width = 0;
  private height = 0;
  private frame = 0;
  private readonly spacer: HTMLElement;
  private readonly context: CanvasRenderingContext2D;
  private readonly text: TextFit;
  private textures: Textures;
  private readonly events: FlameGraphEvents;

  constructor(events: FlameGraphEvents) {
    this.events = events;
    this.canvas = h('canvas', {
      class: 'flame-canvas',
      attributes: {
        tabindex: 0,
        role: 'application',
        'aria-roledescription': 'flame graph',
        'aria-label': 'Flame graph. Arrow keys move between frames, Enter zooms, 0 shows all.',
        'aria-describedby': 'flame-focus',
      },
    });
    this.spacer = h('div', { class: 'flame-spacer' });
    this.element = h('div', { class: 'flame-scroller' }, this.canvas, this.spacer);
    const context = this.canvas.getContext('2d', { alpha: false });
    if (context === null) throw new Error('This window has no 2D canvas.');
    this.context = context;
    this.text = new TextFit(context);
    this.textures = makeTextures(context, currentPalette());
    this.element.addEventListener('scroll', () => this.paintSoon());
    new ResizeObserver(() => this.resize()).observe(this.element);
    onPaletteChange(() => {
      this.textures = makeTextures(this.context, currentPalette());
      this.paintSoon();
    });
    void document.fonts.load(FONT).then(() => {
      this.text.invalidate();
      this.paintSoon();
    });
    listenToPointer(this);
    listenToKeys(this);
  }

  get flame(): FlameColumns {
    return this.model.flame;
  }

  get isUpward(): boolean {
    return this.upward;
  }

  viewport(): Viewport {
    return {
      width: Math.max(1, this.width),
      height: this.height,
      scrollTop: this.element.scrollTop,
      from: this.shown.from,
      to: this.shown.to,
      upward: this.upward,
    };
  }

  /** Shows another picture. What was zoomed and focused stays so, if it is still there. */
  setModel(model: FlameModel): void {
    const fromBottom = this.element.scrollHeight - this.element.scrollTop;
    this.model = model;
    this.zoomed = boxAtPath(model.flame, this.zoomPath);
    this.focused = this.focused < 0 ? -1 : boxAtPath(model.flame, this.focusPath);
    this.hovered = -1;
    this.moving = null;
    this.shown = this.wanted();
    this.layout();
    // The root is at the bottom: rows are added on top, and what one looks at should not move.
    if (this.upward) this.element.scrollTop = this.element.scrollHeight - fromBottom;
    this.events.onZoom(this.zoomed);
    this.paintSoon();
  }

  setMatched(matched: Uint8Array | null): void {
    this.matched = matched;
    this.paintSoon();
  }

  setUpward(upward: boolean): void {
    if (this.upward === upward) return;
    this.upward = upward;
    this.layout();
    this.element.scrollTop = upward ? this.element.scrollHeight : 0;
    this.paintSoon();
  }

  /** Forgets zoom and focus: the next picture has other boxes altogether. */
  forget(): void {
    this.zoomPath = [];
    this.focusPath = [];
    this.focused = -1;
    this.stretch = WHOLE;
  }

  zoomTo(box: number): void {
    this.zoomed = box;
    this.zoomPath = pathOf(this.flame, box);
    this.stretch = WHOLE;
    this.move();
    this.reveal(box);
    this.events.onZoom(box);
  }

  /** Shows [from, to) of the unit interval, clipped to the zoomed box. */
  showStretch(from: number, to: number): void {
    const left = this.flame.start[this.zoomed]!;
    const width = this.flame.end[this.zoomed]! - left;
    const span = Math.min(1, Math.max(1e-6, (to - from) / width));
    const start = Math.min(1 - span, Math.max(0, (from - left) / width));
    this.stretch = { from: start, to: start + span };
    this.moving = null;
    this.shown = this.wanted();
    this.paintSoon();
  }

  focusOn(box: number): void {
    this.focused = box;
    this.focusPath = pathOf(this.flame, box);
    this.reveal(box);
    this.events.onFocus(box);
    this.paintSoon();
  }

  hoverAt(x: number, y: number, page: { readonly x: number; readonly y: number }): void {
    const box = boxAt(this.flame, this.viewport(), x, y);
    if (box !== this.hovered) {
      this.hovered = box;
      this.paintSoon();
    }
    this.events.onHover(box, page.x, page.y);
  }

  endHover(): void {
    this.hovered = -1;
    this.events.onHover(-1, 0, 0);
    this.paintSoon();
  }

  paintSoon(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame((now) => this.paint(now));
  }

  private wanted(): Stretch {
    const left = this.flame.start[this.zoomed]!;
    const width = this.flame.end[this.zoomed]! - left || 1;
    return { from: left + this.stretch.from * width, to: left + this.stretch.to * width };
  }

  private move(): void {
    if (motionAllowed()) this.moving = { from: this.shown, began: performance.now() };
    else this.shown = this.wanted();
    this.paintSoon();
  }

  /** Scrolls so that a box's row is seen, and moves the stretch so that some of its width is. */
  private reveal(box: number): void {
    const { element, flame } = this;
    const viewport = this.viewport();
    const y = yOfRow(flame, viewport, depthOf(flame, box));
    if (y < 0) element.scrollTop += y - ROW_HEIGHT;
    else if (y + ROW_HEIGHT > this.height) element.scrollTop += y + 2 * ROW_HEIGHT - this.height;
    const left = xOf(viewport, flame.start[box]!);
    const right = xOf(viewport, flame.end[box]!);
    if (this.moving === null && (right <= 0 || left >= viewport.width)) {
      const span = viewport.to - viewport.from;
      const middle = (flame.start[box]! + flame.end[box]!) / 2;
      this.showStretch(middle - span / 2, middle + span / 2);
    }
  }

  private resize(): void {
    this.width = this.element.clientWidth;
    this.height = this.element.clientHeight;
    this.layout();
    // At once: a cleared canvas would flash until the next frame.
    this.paint(performance.now());
  }

  private layout(): void {
    const height = contentHeight(this.flame, this.viewport());
    this.spacer.style.height = `${Math.max(0, height - this.height)}px`;
  }

  private paint(now: number): void {
    this.frame = 0;
    if (this.width === 0 || this.height === 0) return;
    this.step(now);
    const ratio = window.devicePixelRatio;
    const pixelWidth = Math.round(this.width * ratio);
    const pixelHeight = Math.round(this.height * ratio);
    if (this.canvas.width !== pixelWidth || this.canvas.height !== pixelHeight) {
      this.canvas.width = pixelWidth;
      this.canvas.height = pixelHeight;
      this.canvas.style.width = `${this.width}px`;
      this.canvas.style.height = `${this.height}px`;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.text.useFont(FONT);
    paintFlame(this.context, {
      model: this.model,
      viewport: this.viewport(),
      palette: currentPalette(),
      textures: this.textures,
      text: this.text,
      matched: this.matched,
      hovered: this.hovered,
      focused: document.activeElement === this.canvas ? this.focused : -1,
      devicePixelRatio: ratio,
    });
  }

  private step(now: number): void {
    if (this.moving === null) return;
    const part = Math.min(1, Math.max(0, (now - this.moving.began) / ZOOM_MS));
    const eased = easeCubicOut(part);
    const { from } = this.moving;
    const to = this.wanted();
    this.shown = {
      from: from.from + (to.from - from.from) * eased,
      to: from.to + (to.to - from.to) * eased,
    };
    if (part >= 1) this.moving = null;
    else this.paintSoon();
  }
}
