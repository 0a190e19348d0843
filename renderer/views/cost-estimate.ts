import type { CaptureTarget, SourceSpec } from '#shared/model/capture-spec.ts';
import type { RateEstimate } from '#shared/model/rate-estimate.ts';
import { describeError } from '#shared/text/error-text.ts';
import { formatPercent, formatRate } from '#shared/text/format-value.ts';
import { probeText } from '#shared/text/probe-text.ts';
import { callNoun } from '#shared/text/weight-text.ts';
import { button, fill, h } from '../dom.ts';
import type { EngineClient } from '../engine-client.ts';

/** What would be recorded, or what is missing yet. */
export interface EstimateOf {
  readonly sources: readonly SourceSpec[];
  readonly target: CaptureTarget;
}

/** Counts for a moment, on demand, how often what was chosen happens, and says what measuring it would cost. */
export class CostEstimate {
  readonly element: HTMLElement;
  private readonly lines = h('ul', { class: 'estimate-lines', attributes: { role: 'status' } });
  private readonly start: HTMLButtonElement;
  private readonly engine: EngineClient;
  private readonly read: () => EstimateOf | null;
  /** Counts runs: what changes in the form meanwhile ends the one under way. */
  private run = 0;

  constructor(engine: EngineClient, read: () => EstimateOf | null) {
    this.engine = engine;
    this.read = read;
    this.start = button({
      label: 'Estimate cost',
      title: 'Counts for a fifth of a second how often each happens',
      onPress: () => void this.estimate(),
    });
    this.element = h('div', { class: 'cost-estimate' }, this.start, this.lines);
    this.update();
  }

  /** The form has changed: what was said is no longer true. */
  update(): void {
    this.run++;
    fill(this.lines, []);
    const sources = estimated(this.read());
    this.element.hidden = sources.length === 0;
    this.start.disabled = false;
  }

  private async estimate(): Promise<void> {
    const chosen = this.read();
    if (chosen === null) return;
    const run = ++this.run;
    this.start.disabled = true;
    const said: string[] = [];
    for (const source of estimated(chosen)) {
      fill(this.lines, [...said, `${titleOf(source)}: counting…`].map(line));
      const { target } = chosen;
      const answer = await this.engine.ask('probes.estimate', { source, target });
      if (run !== this.run) return;
      const text = answer.ok
        ? estimateText(answer.value, source)
        : describeError(answer.error).title;
      said.push(`${titleOf(source)}: ${text}`);
    }
    if (chosen.target.kind === 'command') said.push(OF_MACHINE);
    fill(this.lines, said.map(line));
    this.start.disabled = false;
  }
}

const OF_MACHINE = 'These are of the whole machine: the program does not run yet.';

const line = (text: string): HTMLElement => h('li', {}, text);

/** CPU samples cost what their rate says: see rate-field.ts. */
const estimated = (chosen: EstimateOf | null): readonly SourceSpec[] =>
  chosen?.sources.filter(({ kind }) => kind !== 'on-cpu') ?? [];

function titleOf(source: SourceSpec): string {
  switch (source.kind) {
    case 'function':
    case 'trace':
      return probeText(source.probe);
    case 'count': {
      const { event } = source;
      return event.type === 'perf' ? event.name : `${event.category}:${event.name}`;
    }
    default:
      return TITLES[source.kind];
  }
}

const TITLES = {
  'on-cpu': 'On-CPU time',
  'off-cpu': 'Off-CPU time',
  'run-queue': 'Run-queue latency',
  syscalls: 'System calls',
  'block-io': 'Block I/O',
} as const;

/** "12 345 calls/s, 0.40 % of a CPU (fentry)". */
export function estimateText(estimate: RateEstimate, { kind }: SourceSpec): string {
  const { perSecond, cpuShare, mechanism, note } = estimate;
  const rate = formatRate(perSecond, `${callNoun(kind)}s`);
  const cost = perSecond > 0 ? `, ${formatPercent(cpuShare)} of a CPU` : '';
  const how = mechanism === '' ? '' : ` (${mechanism})`;
  return `${rate}${cost}${how}${note === '' ? '' : `. ${note}`}`;
}
