import { heatKey } from './heatmap-brush.ts';
import type { HeatmapControl } from './heatmap-control.ts';

/** Listens to the keys that heatKey knows; the others go on to the page. */
export function listenToHeatmapKeys(chart: HeatmapControl): void {
  const { canvas } = chart;
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = heatKey(chart.brush, chart.layout(), event.key, event.shiftKey);
    if (step === null) return;
    event.preventDefault();
    event.stopPropagation();
    chart.setBrush(step.brush, step.effect);
  });
  for (const type of ['focus', 'blur'] as const) {
    canvas.addEventListener(type, () => chart.setBrush(chart.brush, 'moved'));
  }
}
