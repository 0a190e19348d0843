import type {
  AppInfo,
  Channel,
  OpenSession,
  ProcessEntry,
  RecentSession,
} from '#shared/ipc/contract.ts';
import type { CaptureSpec } from '#shared/model/capture-spec.ts';
import type { SessionInfo } from '#shared/model/session-info.ts';
import {
  EMPTY_CURSOR,
  type SessionCursor,
  type SessionTables,
} from '#shared/model/session-tables.ts';
import { cursorFromText, encodeDelta } from '#shared/model/table-codec.ts';
import { ok, type Result } from '#shared/result.ts';
import { asPid, hertz, nanoseconds } from '#shared/units.ts';
import type { FakeEngine } from './renderer-page.ts';
import { tablesOf } from './tables-of.ts';

const SPEC: CaptureSpec = {
  sources: [{ kind: 'on-cpu' }],
  target: { kind: 'process', pid: asPid(100) },
  rate: hertz(999),
  mode: 'precise',
  includeIdle: false,
  costLimit: 0.05,
  kernelStacks: true,
  userStacks: true,
  unwind: 'auto',
  duration: null,
};

/** Facts of a session that was recorded without trouble. */
export function sessionInfo(change: Partial<SessionInfo> = {}): SessionInfo {
  return {
    formatVersion: 1,
    recordedBy: '0.1.0',
    state: 'complete',
    host: {
      hostname: 'build-07',
      kernel: '6.1.0-18-amd64',
      arch: 'x86_64',
      os: 'Debian GNU/Linux 12 (bookworm)',
      cpuModel: 'AMD EPYC 7763',
      cpus: 4,
      memoryBytes: 16 * 2 ** 30,
      sampleEvent: 'cpu-clock',
      bpfJit: true,
    },
    spec: SPEC,
    startedAt: '2026-11-20T09:12:44Z',
    duration: nanoseconds(60e9),
    totalWeight: 100_000,
    sampleCount: 100_000,
    idleSamples: 139_760,
    loss: [],
    cost: {
      bpfNs: 4.1e8,
      bpfRuns: 239_760,
      helperCpuNs: 5.2e8,
      helperRssBytes: 88 * 2 ** 20,
      engineCpuNs: 2.9e9,
      engineRssBytes: 160 * 2 ** 20,
    },
    unwind: { mode: 'auto', fallback: '', tables: null },
    end: null,
    ...change,
  };
}

/** What a test engine is made of; the rest is plausible. */
export interface FakeEngineParts {
  readonly tables: SessionTables;
  readonly info?: Partial<SessionInfo>;
  readonly open?: Partial<OpenSession>;
  readonly app?: Partial<AppInfo>;
  readonly recents?: readonly RecentSession[];
  /** Answers a channel differently; undefined: as usual. */
  readonly answer?: (channel: Channel, request: unknown) => unknown;
}

/** An engine that holds one session. */
export function fakeEngine(parts: FakeEngineParts): FakeEngine & { readonly session: OpenSession } {
  const session: OpenSession = {
    id: 7,
    path: '/home/ada/recordings/checkout-latency.ember',
    info: sessionInfo(parts.info),
    recovered: false,
    unsaved: false,
    ...parts.open,
  };
  const app: AppInfo = {
    version: '0.1.0',
    capture: ok('direct'),
    cpus: 4,
    hostname: 'build-07',
    kernel: '6.1.0-18-amd64',
    home: '/home/dev',
    ...parts.app,
  };
  const usual = (channel: Channel, request: unknown): Result<unknown, unknown> => {
    switch (channel) {
      case 'app.info':
        return ok(app);
      case 'recents.list':
        return ok(parts.recents ?? []);
      case 'processes.list':
        return ok(PROCESSES);
      case 'doctor.run':
        return ok({ checks: [] });
      case 'capture.cancel':
        return ok(null);
      case 'capture.start':
      case 'capture.stop':
      case 'session.open':
        return ok(session);
      case 'session.saveAs':
        return ok({ ...session, path: (request as { path: string }).path, unsaved: false });
      case 'session.export':
        return ok({ path: (request as { path: string }).path, bytes: 48_213 });
      case 'session.events':
        return ok((request as { ordinals: number[] }).ordinals.map(() => null));
      case 'probes.search':
        return ok({ probes: [], total: 0, notes: [] });
      case 'probes.estimate':
        return ok({
          perSecond: 1200,
          nsEach: 300,
          cpuShare: 3.6e-4,
          mechanism: 'fentry',
          note: '',
        });
      case 'probes.estimate':
        return ok({ perSecond: 0, nsEach: 0, cpuShare: 0, mechanism: '', note: '' });
      case 'session.close':
      case 'recents.forget':
        return ok(null);
    }
  };
  return {
    session,
    answer: (channel, request) => parts.answer?.(channel, request) ?? usual(channel, request),
    delta: (id, cursor) => (id === session.id ? wholeDelta(parts.tables, cursor) : null),
  };
}

/** Everything at the first call, nothing new afterwards. */
function wholeDelta(tables: SessionTables, cursorText: string): Uint8Array {
  const from = cursorFromText(cursorText) ?? EMPTY_CURSOR;
  const { images, processes, threads, functions, sourceFiles, symbols, frames, stacks } = tables;
  const to: SessionCursor = {
    images: images.length,
    processes: processes.length,
    threads: threads.length,
    functions: functions.length,
    sourceFiles: sourceFiles.length,
    frames: frames.length,
    stacks: stacks.length,
    chunks: 1,
    symbols: symbols.length,
    sources: tables.sources.length,
    series: tables.series.length,
    latencies: tables.latencies.length,
  };
  return encodeDelta({
    from,
    to,
    tables: from.chunks === 0 ? tables : withoutRows(tables),
  });
}

/** A delta without news; processes and threads are always sent whole. */
function withoutRows(tables: SessionTables): SessionTables {
  const none = tablesOf('');
  const { processes, threads, imageProblems, sources } = tables;
  return { ...none, processes, threads, imageProblems, sources };
}

const PROCESSES: readonly ProcessEntry[] = Array.from({ length: 60 }, (_, k) => ({
  pid: 900 + 37 * k,
  comm: ['postgres', 'node', 'nginx', 'clang', 'sshd', 'bash'][k % 6] ?? '',
  cmdline: `/usr/bin/${['postgres', 'node', 'nginx', 'clang', 'sshd', 'bash'][k % 6] ?? ''} --id ${k}`,
  user: k % 3 === 0 ? 'root' : 'ada',
  cpu: k < 8 ? (8 - k) / 9 : 0,
  threads: 1 + (k % 5),
}));
