import type { ExportSource } from '../../main/export/exporter.ts';
import type { CaptureSpec } from '../../main/shared/model/capture-spec.ts';
import type { SessionInfo } from '../../main/shared/model/session-info.ts';
import type { SessionTables } from '../../main/shared/model/session-tables.ts';
import { hertz, nanoseconds } from '../../main/shared/units.ts';

/** Everything on the machine, until somebody stops it. */
export const MACHINE_SPEC: CaptureSpec = {
  sources: [{ kind: 'on-cpu' }],
  target: { kind: 'machine' },
  rate: hertz(99),
  mode: 'precise',
  includeIdle: false,
  costLimit: 0.05,
  kernelStacks: true,
  userStacks: true,
  unwind: 'auto',
  duration: null,
};

/** Facts of an invented session of 10 s on two CPUs; parts can be replaced. */
export function infoOf(tables: SessionTables, part: Partial<SessionInfo> = {}): SessionInfo {
  return {
    formatVersion: 1,
    recordedBy: '0.1.0',
    state: 'complete',
    host: {
      hostname: 'build-7',
      kernel: '6.1.0',
      arch: 'x86_64',
      os: 'Debian GNU/Linux 12 (bookworm)',
      cpuModel: 'Example CPU @ 3.00GHz',
      cpus: 2,
      memoryBytes: 4 * 2 ** 30,
      sampleEvent: 'cpu-clock',
      bpfJit: true,
    },
    spec: MACHINE_SPEC,
    startedAt: '2026-11-22T14:30:05.123Z',
    duration: nanoseconds(10e9),
    totalWeight: tables.samples.weight.reduce((sum, weight) => sum + weight, 0),
    sampleCount: tables.samples.length,
    idleSamples: 1234,
    loss: [],
    cost: {
      bpfNs: 2e6,
      bpfRuns: 2000,
      helperCpuNs: 30e6,
      helperRssBytes: 60 * 2 ** 20,
      engineCpuNs: 90e6,
      engineRssBytes: 120 * 2 ** 20,
    },
    unwind: { mode: 'auto', fallback: '', tables: null },
    end: null,
    ...part,
  };
}

/** Tables with invented facts, as exporters take them. */
export const sessionOf = (
  tables: SessionTables,
  part: Partial<SessionInfo> = {},
): ExportSource => ({
  tables,
  info: infoOf(tables, part),
});
