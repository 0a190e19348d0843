import { heaviestChild } from './flame-model.ts';
import type { FlameGraphControl } from './flamegraph-control.ts';

/** Arrow keys go to caller, callee and neighbours; Enter zooms; Backspace zooms out by one. */
export function listenToKeys(graph: FlameGraphControl): void {
  graph.canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!onKey(graph, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  });
  graph.canvas.addEventListener('focus', () => {
    if (graph.focused < 0) graph.focusOn(graph.zoomed);
    else graph.paintSoon();
  });
  graph.canvas.addEventListener('blur', () => graph.paintSoon());
}

function onKey(graph: FlameGraphControl, key: string): boolean {
  const { flame } = graph;
  const box = Math.max(graph.focused, 0);
  const deeper = graph.isUpward ? 'ArrowUp' : 'ArrowDown';
  const back = graph.isUpward ? 'ArrowDown' : 'ArrowUp';
  switch (key) {
    case deeper:
      return focus(graph, heaviestChild(flame, box));
    case back:
      return focus(graph, flame.parent[box]!);
    case 'ArrowLeft':
      return focus(graph, sibling(graph, box, -1));
    case 'ArrowRight':
      return focus(graph, sibling(graph, box, 1));
    case 'Home':
      return focus(graph, graph.zoomed);
    case 'Enter':
    case ' ':
      graph.zoomTo(box);
      return true;
    case 'Backspace':
      graph.zoomTo(Math.max(0, flame.parent[graph.zoomed]!));
      return true;
    default:
      return false;
  }
}

/** True in any case: an arrow key at an edge should not scroll the page instead. */
function focus(graph: FlameGraphControl, box: number): true {
  if (box >= 0) graph.focusOn(box);
  return true;
}

/** The next box of the same parent, or -1. */
function sibling(graph: FlameGraphControl, box: number, step: 1 | -1): number {
  const parent = graph.flame.parent[box]!;
  if (parent < 0) return -1;
  const first = graph.flame.firstChild[parent]!;
  const next = box + step;
  return next >= first && next < first + graph.flame.childCount[parent]! ? next : -1;
}
