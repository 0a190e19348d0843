import type { FlameGraphControl } from './flamegraph-control.ts';
import { boxAt, unitOf } from './flamegraph-geometry.ts';

/** Pixels the pointer may move and still have clicked. */
const CLICK_SLACK = 4;

/** Hover, click to zoom, drag to pan, Ctrl + wheel to magnify, Shift + wheel to pan. */
export function listenToPointer(graph: FlameGraphControl): void {
  const { canvas } = graph;
  let pressed: { x: number; from: number; to: number; dragged: boolean } | null = null;

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    const { from, to } = graph.viewport();
    pressed = { x: event.offsetX, from, to, dragged: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (pressed === null) {
      graph.hoverAt(event.offsetX, event.offsetY, { x: event.clientX, y: event.clientY });
      return;
    }
    const moved = event.offsetX - pressed.x;
    if (Math.abs(moved) > CLICK_SLACK) pressed.dragged = true;
    if (!pressed.dragged) return;
    graph.endHover();
    const shift = (-moved / graph.viewport().width) * (pressed.to - pressed.from);
    graph.showStretch(pressed.from + shift, pressed.to + shift);
  });
  canvas.addEventListener('pointerup', (event) => {
    const clicked = pressed !== null && !pressed.dragged;
    pressed = null;
    if (!clicked) return;
    const box = boxAt(graph.flame, graph.viewport(), event.offsetX, event.offsetY);
    if (box < 0) return;
    graph.focusOn(box);
    graph.zoomTo(box);
  });
  canvas.addEventListener('pointercancel', () => {
    pressed = null;
  });
  canvas.addEventListener('pointerleave', () => graph.endHover());
  canvas.addEventListener('wheel', (event) => onWheel(graph, event), { passive: false });
}

function onWheel(graph: FlameGraphControl, event: WheelEvent): void {
  const viewport = graph.viewport();
  const span = viewport.to - viewport.from;
  if (event.ctrlKey) {
    event.preventDefault();
    const at = unitOf(viewport, event.offsetX);
    const scale = Math.exp(event.deltaY / 300);
    graph.showStretch(at - (at - viewport.from) * scale, at + (viewport.to - at) * scale);
    return;
  }
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (sideways === 0) return;
  event.preventDefault();
  const shift = (sideways / viewport.width) * span;
  graph.showStretch(viewport.from + shift, viewport.to + shift);
}
