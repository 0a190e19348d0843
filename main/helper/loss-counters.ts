import type { LossReason } from '#shared/model/session-info.ts';
import { UNWIND_STOPS } from '#shared/model/unwind-stop.ts';
import type { HelperStats } from '../capture/wire/helper-protocol.ts';
import type { KernelCounters } from './drain-messages.ts';
import type { UnwindTableStats } from './unwind/unwind-messages.ts';

/** Losses that happen in the helper itself, since start. */
export interface HelperLoss {
  /** Samples the engine did not take in time. */
  tooSlow: number;
  /** Side-band records lost by the kernel or dropped here, and processes we could not read. */
  facts: number;
  /** Times the kernel throttled a sampling event. */
  throttled: number;
  /** Records that made no sense. */
  malformed: number;
}

/** The stats frame: the kernel's counters, our own, and what all this cost. */
export function statsOf(
  counters: KernelCounters,
  tables: UnwindTableStats | null,
  own: HelperLoss,
  backoff: number,
): HelperStats {
  const loss: Record<LossReason, number> = {
    'ring-buffer-full': counters.ringFull,
    'stack-map-full': counters.stacksFull,
    'count-map-full': counters.countsFull,
    'stack-truncated': counters.truncated,
    'stack-missed': counters.missed,
    'target-set-full': counters.targetsFull,
    'target-privileged': counters.privileged,
    'process-facts-lost': own.facts,
    'engine-too-slow': own.tooSlow,
    'record-malformed': own.malformed,
    throttled: own.throttled,
    'histogram-full': counters.histogramFull,
    'call-start-lost': counters.startsLost,
    'program-nested': counters.busy,
    'rate-limited': counters.rateLimited,
    'backed-off': counters.skipped,
    // Counted by the engine.
    'user-stack-late': 0,
  };
  const usage = process.cpuUsage();
  return {
    samples: counters.samples,
    idle: counters.idle,
    filtered: counters.filtered,
    loss: Object.fromEntries(Object.entries(loss).filter(([, count]) => count > 0)),
    backoff,
    events: counters.events,
    belowMinimum: counters.belowMinimum,
    bpfRuns: counters.runs,
    bpfNs: counters.runNs,
    helperCpuNs: (usage.user + usage.system) * 1000,
    helperRssBytes: process.memoryUsage.rss(),
    unwind: tables === null ? null : { ...tables, stops: stopsOf(counters) },
  };
}

/** Walks by how they ended; those that never happened are left out. */
const stopsOf = ({ unwindStops }: KernelCounters): Record<string, number> =>
  Object.fromEntries(
    UNWIND_STOPS.map((stop, code) => [stop, unwindStops[code] ?? 0] as const).filter(
      ([, count]) => count > 0,
    ),
  );
