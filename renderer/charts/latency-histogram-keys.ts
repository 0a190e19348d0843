import { brushKey } from './latency-histogram-brush.ts';
import type { HistogramControl } from './latency-histogram-control.ts';

/** Listens to the keys that brushKey knows; the others go on to the page. */
export function listenToHistogramKeys(chart: HistogramControl): void {
  const { canvas } = chart;
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = brushKey(chart.brush, chart.layout().bins, event.key, event.shiftKey);
    if (step === null) return;
    event.preventDefault();
    event.stopPropagation();
    chart.setBrush(step.brush, step.effect);
  });
  for (const type of ['focus', 'blur'] as const) {
    canvas.addEventListener(type, () => chart.setBrush(chart.brush, 'moved'));
  }
}
