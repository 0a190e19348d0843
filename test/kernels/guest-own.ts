import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  decodeJson,
  encodeFrame,
  encodeJsonFrame,
  type Frame,
  FrameDecoder,
} from '../../main/capture/wire/framing.ts';
import type { SourceRequest, StartRequest } from '../../main/capture/wire/helper-protocol.ts';
import { RawSampleReader } from '../../main/capture/wire/records.ts';
import type { OwnOutcome, OwnPlan } from './plan.ts';

/** The user of the guest's /etc/passwd. */
const USER = { uid: 1000, gid: 1000 } as const;
/** An emulated machine needs seconds for everything, ms. */
const RECORD_MS = 6000;
const PATIENCE_MS = 60_000;
/** Spins for a while, sleeps, and starts others that do. */
const BUSY = `while :; do i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; sleep 0.01; done`;

const ON_CPU: SourceRequest = { kind: 'on-cpu', rateHz: 199, mode: 'precise', includeIdle: false };
/** Of one recording each, by name: what a helper for own processes may measure. */
const SOURCES: Readonly<Record<string, readonly SourceRequest[]>> = {
  samples: [ON_CPU],
  waits: [
    { kind: 'off-cpu', minNs: 0, wakers: false },
    { kind: 'run-queue', minNs: 0, detail: 'histogram' },
    { kind: 'syscalls', minNs: 0, detail: 'events' },
  ],
  counts: [
    { kind: 'count', event: { type: 'perf', perfType: 1, config: 2 }, period: 1 },
    { kind: 'block-io', minNs: 0, detail: 'events' },
  ],
};

/** Records a plain user's own process by the launcher that polkit would start for him. */
export async function recordOwn({ launcher, unwind }: OwnPlan): Promise<OwnOutcome[]> {
  const outcomes: OwnOutcome[] = [];
  for (const [name, sources] of Object.entries(SOURCES)) {
    const target = spawn('/bin/sh', ['-c', BUSY], { ...USER, stdio: 'ignore' });
    await sleep(500);
    const request: StartRequest = {
      ...{ sources: [...sources], costLimit: 0, kernelStacks: true, userStacks: true, unwind },
      target: { kind: 'process', pid: target.pid! },
    };
    outcomes.push({ name, ...(await outcomeOf(launcher, request)) });
    target.kill('SIGKILL');
  }
  return outcomes;
}

async function outcomeOf(
  launcher: string,
  request: StartRequest,
): Promise<Omit<OwnOutcome, 'name'>> {
  // As pkexec does: as root, who asked by number.
  const helper = spawn(launcher, ['--stdio'], {
    ...{ stdio: ['pipe', 'pipe', 'pipe'], env: { PKEXEC_UID: String(USER.uid) } },
  });
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  let said = '';
  helper.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  helper.stdout.on('data', (chunk: Buffer) => {
    const decoded = decoder.push(chunk);
    if (decoded.ok) frames.push(...decoded.value);
  });
  const closed = once(helper, 'close');
  const timer = setTimeout(() => helper.kill('SIGKILL'), PATIENCE_MS);
  helper.stdin.on('error', () => undefined);
  helper.stdin.write(encodeJsonFrame('start', request));
  while (!frames.some(({ type }) => type === 'started') && helper.exitCode === null) {
    await sleep(100);
  }
  const status = helper.exitCode === null ? readFileSync(`/proc/${helper.pid}/status`, 'utf8') : '';
  await sleep(RECORD_MS);
  helper.stdin.write(encodeFrame('stop'));
  await closed;
  clearTimeout(timer);
  const error = frames.find(({ type }) => type === 'error');
  const hasEnded = frames.some(({ type }) => type === 'bye');
  return {
    error: error === undefined ? said : Buffer.from(error.payload).toString(),
    hasEnded,
    uid: /^Uid:\t(\d+)/m.exec(status)?.[1] ?? '',
    records: recordsBySource(frames),
    fallback: fallbackOf(frames),
  };
}

function fallbackOf(frames: readonly Frame[]): string {
  const started = frames.find(({ type }) => type === 'started');
  if (started === undefined) return '';
  return (decodeJson(started.payload) as { readonly unwindFallback: string }).unwindFallback;
}

function recordsBySource(frames: readonly Frame[]): number[] {
  const records = new Map<number, number>();
  for (const { payload } of frames.filter(({ type }) => type === 'data')) {
    const reader = new RawSampleReader(payload);
    while (reader.next()) records.set(reader.source, (records.get(reader.source) ?? 0) + 1);
  }
  const sources = Math.max(0, ...records.keys()) + 1;
  return Array.from({ length: sources }, (_, source) => records.get(source) ?? 0);
}
