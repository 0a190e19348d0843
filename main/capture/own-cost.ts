import type { CostReport, LossReason, UnwindTables } from '#shared/model/session-info.ts';

import type { CostRow } from '../store/session-batch.ts';
import type { HelperStats } from './wire/helper-protocol.ts';

/** The helper's counters before its first report. */
const NO_STATS: HelperStats = {
  samples: 0,
  idle: 0,
  filtered: 0,
  loss: {},
  backoff: 0,
  events: 0,
  belowMinimum: 0,
  bpfRuns: 0,
  bpfNs: 0,
  helperCpuNs: 0,
  helperRssBytes: 0,
  unwind: null,
};

const NS_PER_US = 1000;

/** Losses counted on this side, by reason. */
export type EngineLoss = { readonly [R in LossReason]?: number };

/** The profiler's own cost and losses, from the helper's reports and this process's own times. */
export class OwnCost {
  readonly #cpuAtStart = process.cpuUsage();
  #stats = NO_STATS;
  #isNew = false;
  readonly #writtenLoss = new Map<string, number>();

  report(stats: HelperStats): void {
    this.#stats = stats;
    this.#isNew = true;
  }

  /** Samples of the idle task since start. */
  get idleSamples(): number {
    return this.#stats.idle;
  }

  /** Cost so far. */
  now(): CostReport {
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    const { bpfNs, bpfRuns, helperCpuNs, helperRssBytes } = this.#stats;
    return {
      bpfNs,
      bpfRuns,
      helperCpuNs,
      helperRssBytes,
      engineCpuNs: (user + system) * NS_PER_US,
      engineRssBytes: process.memoryUsage.rss(),
    };
  }

  /** A row for the session once per report of the helper (about one a second); null in between. */
  takeRow(timeNs: number): CostRow | null {
    if (!this.#isNew) return null;
    this.#isNew = false;
    const { samples, idle } = this.#stats;
    const { backoff } = this.#stats;
    return { timeNs, ...this.now(), samples, idleSamples: idle, backoff, unwind: this.unwind };
  }

  /** Unwind tables as last reported; null: none are used. */
  get unwind(): UnwindTables | null {
    const { unwind } = this.#stats;
    if (unwind === null) return null;
    const { tables, tableBytes, budgetBytes, pending, overBudget, failed } = unwind;
    return { tables, tableBytes, budgetBytes, pending, overBudget, failed };
  }

  /** Loss counters by reason: the helper's and those counted on this side. */
  loss(own: EngineLoss): ReadonlyMap<string, number> {
    const loss = new Map(Object.entries(this.#stats.loss));
    for (const [reason, count] of Object.entries(own)) {
      if (count > 0) loss.set(reason, (loss.get(reason) ?? 0) + count);
    }
    return loss;
  }

  /** Those of loss() that changed since the last call. */
  takeChangedLoss(own: EngineLoss): ReadonlyMap<string, number> {
    const changed = new Map(
      [...this.loss(own)].filter(([reason, count]) => this.#writtenLoss.get(reason) !== count),
    );
    for (const [reason, count] of changed) this.#writtenLoss.set(reason, count);
    return changed;
  }
}
