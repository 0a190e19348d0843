import type { SessionInfo } from '#shared/model/session-info.ts';
import { describeEnd } from '#shared/text/end-text.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatFrequency,
  formatPercent,
  formatQuantity,
} from '#shared/text/format-value.ts';
import { describeLoss, LOSS_REASONS, lostSamples } from '#shared/text/loss-text.ts';
import { recordedText } from '#shared/text/recorded-text.ts';
import { fill, h, icon, setAttribute, setText, setTitle } from '../dom.ts';

/** The line that is always there: how much was recorded, what is missing, what it cost. */
export class StatusLine {
  readonly element: HTMLElement;
  private readonly samples = h('span', { class: 'status-item status-firm', id: 'status-samples' });
  private readonly rate = h('span', { class: 'status-item' });
  private readonly idle = h('span', { class: 'status-item faint' });
  private readonly end = h('span', { class: 'status-item status-firm', id: 'status-end' });
  private readonly cost = h('span', { class: 'status-item status-firm', id: 'status-cost' });
  private readonly drawn = h('span', { class: 'status-item faint status-drawn' });
  private readonly lossText = h('span', {});
  private readonly loss: HTMLButtonElement;
  private readonly popover: HTMLElement;

  /** `quality`: the button that opens the quality panel. */
  constructor(quality: HTMLElement) {
    this.popover = h('div', {
      class: 'loss-popover',
      id: 'loss-popover',
      attributes: { popover: 'auto', role: 'dialog', 'aria-label': 'Lost data' },
    });
    this.loss = h(
      'button',
      {
        class: 'status-loss',
        id: 'status-loss',
        attributes: { type: 'button', popovertarget: 'loss-popover' },
      },
      h('span', { class: 'status-dot' }),
      this.lossText,
    );
    this.element = h(
      'footer',
      { class: 'status', attributes: { 'aria-label': 'Recording quality and cost' } },
      this.samples,
      this.rate,
      this.idle,
      this.end,
      quality,
      this.loss,
      h('span', { class: 'spacer' }),
      this.drawn,
      this.cost,
      this.popover,
    );
  }

  update(info: SessionInfo): void {
    setText(this.samples, recordedText(info));
    this.samples.dataset['samples'] = String(info.sampleCount);
    const { sampleEvent } = info.host;
    const event = sampleEvent === '' ? '' : ` · ${sampleEvent}`;
    const isSampling = info.spec.sources.some(({ kind }) => kind === 'on-cpu');
    const rate = `${formatFrequency(info.spec.rate)} per CPU · ${info.spec.mode}${event}`;
    setText(this.rate, isSampling ? rate : '');
    this.rate.hidden = !isSampling;
    setText(
      this.idle,
      info.idleSamples > 0 ? `${formatCount(info.idleSamples)} idle not kept` : '',
    );
    this.idle.hidden = info.idleSamples === 0 || info.spec.includeIdle;
    this.updateEnd(info);
    this.updateLoss(info);
    this.updateCost(info);
  }

  /** How long the picture took, as measured. */
  setDrawn(fetchMs: number, computeMs: number): void {
    setText(this.drawn, `picture in ${formatDuration((fetchMs + computeMs) * 1e6)}`);
    const parts = [fetchMs, computeMs].map((ms) => formatDuration(ms * 1e6));
    this.drawn.title = `Fetched in ${parts[0] ?? ''}, tree and layout in ${parts[1] ?? ''}`;
  }

  private updateEnd({ end }: SessionInfo): void {
    const described = describeEnd(end);
    setText(this.end, described?.text ?? '');
    setTitle(this.end, described?.detail ?? '');
    this.end.hidden = described === null;
  }

  private updateLoss(info: SessionInfo): void {
    const entries = info.loss
      .filter((entry) => entry.count > 0)
      .sort((a, b) => LOSS_REASONS.indexOf(a.reason) - LOSS_REASONS.indexOf(b.reason));
    const lost = lostSamples(info.loss);
    const text =
      entries.length === 0
        ? '0 lost'
        : lost > 0
          ? `${formatQuantity(lost, 'sample')} lost (${formatPercent(lost / (lost + info.sampleCount))})`
          : '0 lost · limited';
    setText(this.lossText, text);
    setAttribute(
      this.loss,
      'data-state',
      lost > 0 ? 'lost' : entries.length > 0 ? 'limited' : 'none',
    );
    this.loss.dataset['lost'] = String(lost);
    fill(this.popover, [
      h('h2', {}, entries.length === 0 ? 'Nothing is missing' : 'What is missing, and why'),
      entries.length === 0
        ? h('p', {}, 'Every sample that was taken is in the file, with its stacks.')
        : h('ul', { class: 'loss-list' }, ...entries.map((entry) => lossItem(describeLoss(entry)))),
    ]);
  }

  private updateCost({ cost, duration, host }: SessionInfo): void {
    const perRun = cost.bpfRuns > 0 ? cost.bpfNs / cost.bpfRuns : Number.NaN;
    const whole = duration * Math.max(1, host.cpus);
    const bpf = duration > 0 ? cost.bpfNs / whole : Number.NaN;
    const helper = duration > 0 ? cost.helperCpuNs / duration : Number.NaN;
    const engine = duration > 0 ? cost.engineCpuNs / duration : Number.NaN;
    setText(
      this.cost,
      `own cost: BPF ${formatDuration(perRun)}/run, ${formatPercent(bpf)} CPU · helper ${formatPercent(helper)} · engine ${formatPercent(engine)}`,
    );
    this.cost.title = [
      `BPF programs: ${formatDuration(cost.bpfNs)} in ${formatCount(cost.bpfRuns)} runs; the share is of all ${host.cpus} CPUs`,
      `Helper: ${formatDuration(cost.helperCpuNs)} CPU (share of one CPU), ${formatBytes(cost.helperRssBytes)} resident`,
      `Engine: ${formatDuration(cost.engineCpuNs)} CPU (share of one CPU), ${formatBytes(cost.engineRssBytes)} resident`,
    ].join('\n');
  }
}

const lossItem = (loss: ReturnType<typeof describeLoss>): HTMLElement =>
  h(
    'li',
    { class: `loss-item loss-${loss.effect}` },
    icon(loss.effect === 'lost' ? 'warning' : 'info'),
    h(
      'div',
      {},
      h('b', {}, loss.quantity),
      h('p', {}, loss.sentence),
      h('p', { class: 'faint' }, loss.remedy),
    ),
  );
