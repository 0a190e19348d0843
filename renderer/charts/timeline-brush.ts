import type { TimeRange } from '#shared/model/call-tree-selection.ts';

/** What the brush works on. */
export interface BrushTarget {
  readonly canvas: HTMLCanvasElement;
  readonly selected: TimeRange | null;
  readonly data: { readonly duration: number };
  xOf(time: number): number;
  timeOf(x: number): number;
}

/** Hears of a new range; `final` is false while the pointer is down. */
export type BrushListener = (range: TimeRange | null, final: boolean) => void;

/** Pixels around an edge that grab it. */
const GRIP = 5;
/** A drag shorter than this is a click, pixels. */
const LEAST_DRAG = 3;

/** Drag selects; dragging an edge resizes; dragging inside moves; a click clears. */
export function listenToBrush(strip: BrushTarget, listener: BrushListener): void {
  const { canvas } = strip;
  let drag: { readonly rangeAt: (x: number) => TimeRange; readonly x: number } | null = null;
  let moved = false;
  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    moved = false;
    drag = { rangeAt: startDrag(strip, event.offsetX), x: event.offsetX };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (drag === null) {
      canvas.style.cursor = cursorAt(strip, event.offsetX);
      return;
    }
    if (Math.abs(event.offsetX - drag.x) >= LEAST_DRAG) moved = true;
    if (moved) listener(drag.rangeAt(event.offsetX), false);
  });
  canvas.addEventListener('pointerup', (event) => {
    if (drag === null) return;
    const range = moved ? drag.rangeAt(event.offsetX) : null;
    drag = null;
    listener(range, true);
  });
  canvas.addEventListener('pointercancel', () => {
    drag = null;
  });
  canvas.addEventListener('keydown', (event) => onKey(strip, event, listener));
}

function startDrag(strip: BrushTarget, x: number): (x: number) => TimeRange {
  const { selected } = strip;
  if (selected !== null) {
    const left = strip.xOf(selected.from);
    const right = strip.xOf(selected.to);
    if (Math.abs(x - left) <= GRIP) return (to) => ordered(strip.timeOf(to), selected.to);
    if (Math.abs(x - right) <= GRIP) return (to) => ordered(selected.from, strip.timeOf(to));
    if (x > left && x < right) {
      const width = selected.to - selected.from;
      return (to) => shifted(strip, selected.from + strip.timeOf(to) - strip.timeOf(x), width);
    }
  }
  const from = strip.timeOf(x);
  return (to) => ordered(from, strip.timeOf(to));
}

function cursorAt(strip: BrushTarget, x: number): string {
  if (strip.selected === null) return 'crosshair';
  const left = strip.xOf(strip.selected.from);
  const right = strip.xOf(strip.selected.to);
  if (Math.abs(x - left) <= GRIP || Math.abs(x - right) <= GRIP) return 'ew-resize';
  return x > left && x < right ? 'grab' : 'crosshair';
}

function onKey(strip: BrushTarget, event: KeyboardEvent, listener: BrushListener): void {
  if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
  const { duration } = strip.data;
  if (duration <= 0) return;
  event.preventDefault();
  const step = (event.key === 'ArrowLeft' ? -1 : 1) * (duration / 50);
  const { from, to } = strip.selected ?? { from: 0, to: duration / 10 };
  if (strip.selected === null) listener({ from, to }, true);
  else if (event.shiftKey) {
    listener({ from, to: Math.min(duration, Math.max(from + duration / 50, to + step)) }, true);
  } else listener(shifted(strip, from + step, to - from), true);
}

const ordered = (a: number, b: number): TimeRange => ({ from: Math.min(a, b), to: Math.max(a, b) });

function shifted(strip: BrushTarget, from: number, width: number): TimeRange {
  const start = Math.min(strip.data.duration - width, Math.max(0, from));
  return { from: start, to: start + width };
}
