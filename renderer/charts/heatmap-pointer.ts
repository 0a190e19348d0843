import type { HeatmapControl } from './heatmap-control.ts';
import { type Cell, cellAt, selectionOfCells, sumOf } from './heatmap-geometry.ts';

/** A shorter drag is a click, pixels. */
const LEAST_DRAG = 3;
const NOWHERE = { x: 0, y: 0 };

interface Drag {
  readonly x: number;
  readonly y: number;
  readonly cell: Cell;
  dragged: boolean;
}

/** Drag selects from cell to cell; a click takes one cell; beside all cells that hold any, it clears. */
export function listenToHeatmapPointer(chart: HeatmapControl): void {
  const { canvas } = chart;
  let drag: Drag | null = null;
  const under = (event: PointerEvent, nearest: boolean): Cell | null => {
    const layout = chart.layout();
    const at = { x: event.offsetX - layout.plot.left, y: event.offsetY - layout.plot.top };
    return layout.grid.inside === 0 ? null : cellAt(layout, at, nearest);
  };
  canvas.addEventListener('pointerdown', (event) => {
    const cell = under(event, true);
    if (event.button !== 0 || cell === null) return;
    drag = { x: event.offsetX, y: event.offsetY, cell, dragged: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (drag === null) {
      chart.hover(under(event, false), { x: event.clientX, y: event.clientY });
      return;
    }
    const moved = Math.max(Math.abs(event.offsetX - drag.x), Math.abs(event.offsetY - drag.y));
    if (moved >= LEAST_DRAG) drag.dragged = true;
    if (!drag.dragged) return;
    chart.hover(null, NOWHERE);
    chart.setBrush({ ...chart.brush, anchor: drag.cell, cursor: under(event, true) }, 'moved');
  });
  canvas.addEventListener('pointerup', (event) => {
    const ended = drag;
    drag = null;
    if (ended === null) return;
    const layout = chart.layout();
    const to = ended.dragged ? under(event, true) : under(event, false);
    const nothing = to === null || (!ended.dragged && sumOf(layout.grid, to) === 0);
    chart.select(nothing ? null : selectionOfCells(layout, ended.dragged ? ended.cell : to, to));
  });
  canvas.addEventListener('pointercancel', () => {
    drag = null;
    chart.setBrush({ ...chart.brush, anchor: null, cursor: null }, 'moved');
  });
  canvas.addEventListener('pointerleave', () => chart.hover(null, NOWHERE));
}
