import { encodeFrame, encodeJsonFrame } from '../../main/capture/wire/framing.ts';
import {
  FRAME_TYPES,
  type FrameType,
  type SourceRequest,
  type StartRequest,
} from '../../main/capture/wire/helper-protocol.ts';
import { startRequest } from './bpf-helper.ts';

/** Frames as somebody would send them who wants the helper to fail. */
export interface HostileStream {
  readonly frames: number;
  readonly bytes: Uint8Array;
}

const TYPES = Object.keys(FRAME_TYPES) as FrameType[];
const MAX_FRAMES = 8;
const HOSTILE_VALUES: readonly unknown[] = [
  ...[null, -1, 0, 1e308, Number.MAX_SAFE_INTEGER, 2 ** 53, 1.5, '', '\0', '../../etc/passwd', []],
  ...[{}, true, 'x'.repeat(5000), '__proto__', { toString: 1 }, [[[[]]]], { constructor: null }],
];

const pick = <T>(random: () => number, list: readonly T[]): T =>
  list[Math.floor(random() * list.length)]!;
const randomBytes = (random: () => number, length: number): Uint8Array =>
  Uint8Array.from({ length }, () => Math.floor(random() * 256));

const CALLS = { minNs: 0, detail: 'histogram' } as const;
const EVENTS = { filter: 'x == 1', stacks: true, returns: false, perSecond: 100 } as const;
const KERNEL = { type: 'kernel', name: 'vfs_*' } as const;
const USER = { type: 'user', path: '/bin/true', offset: 0x1000 } as const;
const TRACEPOINT = { type: 'tracepoint', category: 'sched', name: 'sched_switch' } as const;
const ARGUMENT = {
  place: 'memory',
  size: 8,
  isSigned: true,
  base: 4,
  scaled: null,
  shift: 0,
  displacement: 8,
};

/** Every kind of source and probe that may be asked for. */
const SOURCES = [
  { kind: 'off-cpu', minNs: 0, wakers: true },
  { kind: 'run-queue', ...CALLS },
  { kind: 'syscalls', ...CALLS },
  { kind: 'block-io', ...CALLS },
  ...[KERNEL, USER].map((probe) => ({ kind: 'function', probe, ...CALLS })),
  { kind: 'count', event: TRACEPOINT, period: 10 },
  { kind: 'count', event: { type: 'perf', perfType: 1, config: 2 }, period: 1 },
  ...[KERNEL, USER, TRACEPOINT].map((probe) => ({ kind: 'trace', probe, ...EVENTS })),
  {
    kind: 'trace',
    probe: {
      ...{ type: 'usdt', path: '/bin/true' },
      sites: [{ offset: 0x1000, semaphoreOffset: 0, arguments: [ARGUMENT, null] }],
    },
    ...EVENTS,
  },
] as SourceRequest[];
const TARGETS: readonly StartRequest['target'][] = [
  { kind: 'machine' },
  { kind: 'process', pid: 1 },
  { kind: 'process', pid: process.pid },
  { kind: 'cgroup', id: '1', level: 0 },
];

/** A request that an engine could send. */
export function anyRequest(random: () => number): StartRequest {
  const plain = startRequest({ target: pick(random, TARGETS) });
  if (random() < 0.2) return plain;
  return { ...plain, sources: [...plain.sources, pick(random, SOURCES), pick(random, SOURCES)] };
}

/** A start request with one value, somewhere in it, replaced, removed or added. */
function hostileRequest(random: () => number): unknown {
  const request = structuredClone(anyRequest(random)) as unknown as Record<string, unknown>;
  let place = request;
  for (;;) {
    const key = pick(random, Object.keys(place));
    const inner = place[key];
    const isDeep = typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0;
    if (isDeep && random() < 0.6) {
      place = inner as Record<string, unknown>;
      continue;
    }
    const change = random();
    if (change < 0.6) place[key] = pick(random, HOSTILE_VALUES);
    else if (change < 0.8) Reflect.deleteProperty(place, key);
    else place['extra'] = pick(random, HOSTILE_VALUES);
    return request;
  }
}

/** Flips one bit below `end`. */
function flipBit(random: () => number, frame: Uint8Array, end: number): Uint8Array {
  const at = Math.floor(random() * end);
  frame[at] = frame[at]! ^ (1 << Math.floor(random() * 8));
  return frame;
}

function hostileFrame(random: () => number): Uint8Array {
  const kind = random();
  if (kind < 0.35) return encodeJsonFrame('start', hostileRequest(random));
  if (kind < 0.45) return encodeJsonFrame('start', startRequest());
  // Frames of the helper's own, sent back to it, and such that come too early or again.
  const short = Math.floor(random() * 16);
  if (kind < 0.6) return encodeFrame(pick(random, TYPES), randomBytes(random, short));
  if (kind < 0.7) return encodeFrame('start', randomBytes(random, short * 20));
  if (kind < 0.75) return randomBytes(random, 1 + short * 3);
  // Bits of the header or of the text flipped, or the end missing.
  const frame = encodeJsonFrame('start', hostileRequest(random));
  if (kind < 0.85) return flipBit(random, frame, 8);
  if (kind < 0.95) return flipBit(random, frame, frame.length);
  return frame.subarray(0, Math.floor(random() * frame.length));
}

/** One to eight frames, most of them wrong. The same seed makes the same streams. */
export function hostileStream(random: () => number): HostileStream {
  const frames = 1 + Math.floor(random() * MAX_FRAMES);
  const parts = Array.from({ length: frames }, () => hostileFrame(random));
  return { frames, bytes: Buffer.concat(parts) };
}
