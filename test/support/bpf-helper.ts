import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import {
  decodeJson,
  encodeFrame,
  encodeJsonFrame,
  type Frame,
  FrameDecoder,
} from '../../main/capture/wire/framing.ts';
import {
  type Bye,
  type FrameType,
  factsSchema,
  type HelperStats,
  type ProcessFact,
  type SourceRequest,
  type Started,
  type StartRequest,
  statsSchema,
} from '../../main/capture/wire/helper-protocol.ts';
import { RawSampleReader } from '../../main/capture/wire/records.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Inside the checkout, so that the bundle finds node_modules; ignored by git. */
const OUTPUT = join(ROOT, '.cache/test-helper');

/** Compiles the BPF objects into `folder`; throws with the compiler's words. */
export function makeBpfObjects(folder: string): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('make', ['-s', '-C', join(ROOT, 'native-bpf'), `OUT=${folder}`], { stdio: 'pipe' });
}

/** Builds helper and BPF object as dist/ has them; returns the helper's entry. */
export async function buildHelper(): Promise<string> {
  makeBpfObjects(join(OUTPUT, 'bpf'));
  await build({
    absWorkingDir: ROOT,
    entryPoints: {
      main: 'main/helper/main.ts',
      'drain-worker': 'main/helper/drain-worker.ts',
      'unwind-worker': 'main/helper/unwind/unwind-worker.ts',
    },
    outdir: join(OUTPUT, 'helper'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  });
  return join(OUTPUT, 'helper/main.js');
}

type OnCpuRequest = Omit<Extract<SourceRequest, { kind: 'on-cpu' }>, 'kind'>;

/** A request for the whole machine; tests override what they are about. */
export const startRequest = ({
  rateHz = 99,
  mode = 'precise',
  includeIdle = false,
  ...changes
}: Partial<StartRequest> & Partial<OnCpuRequest> = {}): StartRequest => ({
  sources: [{ kind: 'on-cpu', rateHz, mode, includeIdle }],
  costLimit: 0,
  kernelStacks: true,
  userStacks: true,
  unwind: 'auto',
  target: { kind: 'machine' },
  ...changes,
});

/** One decoded sample: small captures only. */
export interface TestSample {
  readonly pid: number;
  readonly tid: number;
  readonly cpu: number;
  readonly weight: number;
  readonly flags: number;
  readonly cgroup: bigint;
  readonly time: bigint;
  readonly kernel: readonly bigint[];
  readonly user: readonly bigint[];
}

export function decodeSamples(payload: Uint8Array): TestSample[] {
  const reader = new RawSampleReader(payload);
  const samples: TestSample[] = [];
  const wide = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);
  while (reader.next()) {
    const address = (_: unknown, index: number): bigint =>
      wide(reader.addressHigh(index), reader.addressLow(index));
    const all = Array.from({ length: reader.kernelFrames + reader.userFrames }, address);
    samples.push({
      pid: reader.pid,
      tid: reader.tid,
      cpu: reader.cpu,
      weight: reader.weight,
      flags: reader.flags,
      cgroup: wide(reader.cgroupHigh, reader.cgroupLow),
      time: wide(reader.timeHigh, reader.timeLow),
      kernel: all.slice(0, reader.kernelFrames),
      user: all.slice(reader.kernelFrames),
    });
  }
  if (reader.malformed) throw new Error('malformed data payload');
  return samples;
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Runs node under this command, e.g. ['setpriv', '--reuid=nobody']. */
  readonly under?: readonly string[];
}

/** The engine's end of the protocol, for tests: keeps every frame in order of arrival. */
export class HelperClient {
  readonly child: ChildProcess;
  readonly frames: Frame[] = [];
  readonly #decoder = new FrameDecoder();
  #stderr = '';
  #waiters: (() => void)[] = [];
  #exit: { code: number | null; signal: string | null } | null = null;

  constructor(entry: string, options: SpawnOptions = {}) {
    const command = [
      ...(options.under ?? []),
      process.execPath,
      entry,
      ...(options.args ?? ['--stdio']),
    ];
    this.child = spawn(command[0]!, command.slice(1), {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', ...options.env },
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      const frames = this.#decoder.push(chunk);
      if (!frames.ok) throw new Error(JSON.stringify(frames.error));
      this.frames.push(...frames.value);
      this.#wake();
    });
    this.child.stdin?.on('error', () => undefined);
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.child.on('close', (code, signal) => {
      this.#exit = { code, signal };
      this.#wake();
    });
  }

  get stderr(): string {
    return this.#stderr;
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async #until<T>(look: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${what} after ${timeoutMs} ms; stderr: ${this.#stderr}`);
      await new Promise<void>((wake) => {
        const timer = setTimeout(wake, left);
        this.#waiters.push(() => {
          clearTimeout(timer);
          wake();
        });
      });
    }
  }

  /** The first frame of a type, as JSON; an error frame or the helper's end fails the wait. */
  async json(type: FrameType, timeoutMs = 10_000): Promise<unknown> {
    const frame = await this.#until(
      () => {
        const found = this.frames.find((candidate) => candidate.type === type);
        if (found !== undefined) return found;
        const error = this.frames.find((candidate) => candidate.type === 'error');
        if (error !== undefined) throw new Error(Buffer.from(error.payload).toString());
        if (this.#exit !== null) throw new Error(`helper ended first: ${this.#stderr}`);
        return undefined;
      },
      type,
      timeoutMs,
    );
    return decodeJson(frame.payload);
  }

  async start(request: StartRequest): Promise<Started> {
    await this.json('hello');
    this.child.stdin?.write(encodeJsonFrame('start', request));
    return (await this.json('started')) as Started;
  }

  /** Stops and waits for the last frame and the end of the process. */
  async stop(): Promise<Bye> {
    this.child.stdin?.write(encodeFrame('stop'));
    const bye = (await this.json('bye')) as Bye;
    await this.exit();
    return bye;
  }

  async exit(timeoutMs = 10_000): Promise<{ code: number | null; signal: string | null }> {
    return await this.#until(() => this.#exit ?? undefined, 'end of the helper', timeoutMs);
  }

  samples(): TestSample[] {
    return this.frames.flatMap(({ type, payload }) =>
      type === 'data' ? decodeSamples(payload) : [],
    );
  }

  facts(): ProcessFact[] {
    return this.frames.flatMap(({ type, payload }) =>
      type === 'facts' ? factsSchema.parse(decodeJson(payload)) : [],
    );
  }

  stats(): HelperStats[] {
    return this.frames.flatMap(({ type, payload }) =>
      type === 'stats' ? [statsSchema.parse(decodeJson(payload))] : [],
    );
  }

  /** CLOCK_MONOTONIC of the session's start. */
  startNs(): string {
    const frame = this.frames.find(({ type }) => type === 'started');
    return frame === undefined ? '' : (decodeJson(frame.payload) as Started).startNs;
  }

  /** Kernel symbol lines received. */
  kernelSymbols(): string[] {
    const text = this.frames.map(({ type, payload }) =>
      type === 'kallsyms' ? Buffer.from(payload).toString('latin1') : '',
    );
    return text.join('').split('\n').filter(Boolean);
  }
}

/** Prints a measured figure into the test's output. */
export const note = (text: string): void => void process.stdout.write(`${text}\n`);

/** Ids of all loaded programs of the sampler, whoever loaded them. The kernel never reuses an id. */
export function loadedPrograms(): Set<number> {
  const list = execFileSync('bpftool', ['-j', 'prog', 'list'], { encoding: 'utf8' });
  const programs = JSON.parse(list) as { readonly id: number; readonly name?: string }[];
  const isOurs = (name = ''): boolean => name === 'on_tick' || name.startsWith('on_sched_proces');
  return new Set(programs.filter(({ name }) => isOurs(name)).map(({ id }) => id));
}

/** Runs `action`; true once every program of the sampler that it loaded is gone again. */
export async function leavesNothingLoaded(action: () => Promise<void>): Promise<boolean> {
  const before = loadedPrograms();
  let during = new Set<number>();
  await action().finally(() => {
    during = loadedPrograms();
  });
  // Another test run on this machine may hold some for a while: only what stays counts.
  const isGone = (): boolean => {
    const now = loadedPrograms();
    return [...during].every((id) => before.has(id) || !now.has(id));
  };
  for (let attempt = 0; attempt < 50 && !isGone(); attempt++) {
    await new Promise((wake) => setTimeout(wake, 100));
  }
  return isGone();
}
