import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'esbuild';
import { startRecording } from '../../main/capture/capture-controller.ts';
import type { Recording, RecordingEnd, RecordingOptions } from '../../main/capture/recording.ts';
import type { CaptureSpec, CaptureTarget } from '../../main/shared/model/capture-spec.ts';
import type { SessionInfo } from '../../main/shared/model/session-info.ts';
import {
  EMPTY_CURSOR,
  type SessionDelta,
  type SessionTables,
} from '../../main/shared/model/session-tables.ts';
import { frameName } from '../../main/shared/text/frame-name.ts';
import { hertz } from '../../main/shared/units.ts';
import { SessionReader } from '../../main/store/session-reader.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Inside the checkout, so that bundles find node_modules; ignored by git. */
const OUTPUT = join(ROOT, '.cache/test-capture');

/** Compiles the demo workload as dist/ has it; returns the program. */
export function buildWorkload(): string {
  mkdirSync(OUTPUT, { recursive: true });
  const program = join(OUTPUT, 'workload');
  const flags = ['-O1', '-g', '-fno-omit-frame-pointer', '-fno-optimize-sibling-calls', '-pthread'];
  execFileSync('cc', [...flags, '-o', program, join(ROOT, 'assets/demo/workload.c')]);
  return program;
}

/** Bundles a TypeScript program of the checkout as dist/ has it; returns its path. */
export async function bundleNode(source: string, name: string): Promise<string> {
  const outfile = join(OUTPUT, `${name}.mjs`);
  await build({
    absWorkingDir: ROOT,
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  });
  return outfile;
}

export const specOf = (target: CaptureTarget, change: Partial<CaptureSpec> = {}): CaptureSpec => ({
  sources: [{ kind: 'on-cpu' }],
  target,
  rate: hertz(499),
  mode: 'precise',
  includeIdle: false,
  costLimit: 0.05,
  kernelStacks: true,
  userStacks: true,
  unwind: 'auto',
  duration: null,
  ...change,
});

export const commandTarget = (...argv: string[]): CaptureTarget => ({
  kind: 'command',
  argv,
  cwd: '/',
});

/** Starts a recording or fails the test. */
export async function recordingOf(
  spec: CaptureSpec,
  path: string,
  options: RecordingOptions = {},
): Promise<Recording> {
  const started = await startRecording(spec, path, options);
  if (!started.ok) throw new Error(JSON.stringify(started.error).slice(0, 500));
  return started.value;
}

/** Records until the recording ends by itself. */
export async function recorded(spec: CaptureSpec, path: string): Promise<RecordingEnd> {
  return (await recordingOf(spec, path)).ended;
}

export interface ReadSession {
  readonly info: SessionInfo;
  readonly delta: SessionDelta;
  readonly recovered: boolean;
}

/** Everything in a session file. */
export async function readWhole(path: string): Promise<ReadSession> {
  const opened = await SessionReader.open(path);
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  const { reader, recovered } = opened.value;
  try {
    const info = await reader.info();
    const delta = await reader.delta(EMPTY_CURSOR);
    if (!info.ok || !delta.ok) throw new Error('reading failed');
    return { info: info.value, delta: delta.value, recovered };
  } finally {
    await reader.close();
  }
}

/** The tables of a delta from the start: its frames have their symbols. */
export const withSymbols = ({ tables }: SessionDelta): SessionTables => tables;

/** Share of samples per leaf function name, 0..1, of the processes with this command name. */
export function selfShares(tables: SessionTables, comm?: string): ReadonlyMap<string, number> {
  const { samples, threads, processes, stacks } = tables;
  const counts = new Map<string, number>();
  let total = 0;
  for (let sample = 0; sample < samples.length; sample++) {
    const process = threads.process[samples.thread[sample]!]!;
    const stack = samples.stack[sample]!;
    if (stack < 0 || (comm !== undefined && processes.comm[process] !== comm)) continue;
    const name = frameName(tables, stacks.frame[stack]!);
    counts.set(name, (counts.get(name) ?? 0) + samples.weight[sample]!);
    total += samples.weight[sample]!;
  }
  return new Map([...counts].map(([name, count]) => [name, count / total]));
}

/** Function names of one sample's stack, root first. */
export function stackNames(tables: SessionTables, leaf: number): string[] {
  const names: string[] = [];
  for (let node = leaf; node >= 0; node = tables.stacks.parent[node]!) {
    names.unshift(frameName(tables, tables.stacks.frame[node]!));
  }
  return names;
}

/** Ids of the sampler's programs loaded now, by any recording on this machine. */
export function samplerPrograms(): ReadonlySet<number> {
  const listed = JSON.parse(
    execFileSync('bpftool', ['-j', 'prog', 'list'], { encoding: 'utf8' }),
  ) as readonly { readonly id: number; readonly name?: string }[];
  const ours = listed.filter(({ name }) => /^on_(tick$|sched_proces)/.test(name ?? ''));
  return new Set(ours.map(({ id }) => id));
}

/** Waits until none of the programs is loaded any more; false: some stay. */
export async function untilGone(programs: Iterable<number>): Promise<boolean> {
  const watched = [...programs];
  // The kernel frees programs some milliseconds after their last user is gone.
  for (let attempt = 0; attempt < 50; attempt++) {
    const loaded = samplerPrograms();
    if (!watched.some((id) => loaded.has(id))) return true;
    await delay(100);
  }
  return false;
}
