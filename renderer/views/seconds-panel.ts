import type { TimeRange } from '#shared/model/call-tree-selection.ts';
import type { WeightUnit } from '#shared/model/session-tables.ts';
import type { WeightPulse } from '#shared/model/time-histogram.ts';
import { NS_PER_S } from '#shared/units.ts';
import type { SubSecondHeatData } from '../charts/heatmap-layout.ts';
import { HeatmapPanel } from './latency-panel.ts';

/** Parts that a second is cut into: those of 20 ms that the worker sums. */
const PARTS = 50;

const dataOf = (
  samples: WeightPulse,
  facts: { readonly duration: number; readonly noun: string; readonly unit: WeightUnit },
): SubSecondHeatData => ({
  kind: 'sub-second',
  samples,
  view: { from: 0, to: Math.max(NS_PER_S, facts.duration), columnNs: NS_PER_S, rows: PARTS },
  noun: facts.noun,
  unit: facts.unit,
});

const NOTHING: WeightPulse = { length: 0, time: new Float64Array(0), weight: new Float64Array(0) };

/** Seconds across, their parts down: bursts and periodic work stand out. Selects a stretch of time. */
export class SecondsPanel {
  readonly element: HTMLElement;
  private readonly panel: HeatmapPanel;

  constructor(onTime: (range: TimeRange | null) => void) {
    const none = dataOf(NOTHING, { duration: 0, noun: 'sample', unit: 'samples' });
    this.panel = new HeatmapPanel('Seconds and their parts', none, (selection) =>
      onTime(selection?.time ?? null),
    );
    this.element = this.panel.element;
    this.element.classList.add('seconds-panel');
    this.element.hidden = true;
  }

  update(
    pulse: WeightPulse | null,
    facts: { readonly duration: number; readonly noun: string; readonly unit: WeightUnit },
  ): void {
    if (pulse !== null) this.panel.setData(dataOf(pulse, facts));
  }

  setSelected(time: TimeRange | null): void {
    this.panel.setSelected(time === null ? null : { time, latency: null });
  }
}
