import { FRAME_KINDS, IMAGE_KINDS, type SessionTables } from '#shared/model/session-tables.ts';
import { ON_CPU_TABLES, onCpuColumns } from './on-cpu.ts';

/** Size of a synthetic session. The same numbers give the same tables. */
export interface SyntheticSize {
  readonly samples: number;
  /** Distinct stacks. */
  readonly stacks: number;
  readonly functions: number;
  readonly durationNs?: number;
}

/** The size at which viewers begin to differ. */
export const SIZE_100K: SyntheticSize = { samples: 100_000, stacks: 25_000, functions: 6_000 };

const IMAGES = [
  ['/usr/lib/x86_64-linux-gnu/libc.so.6', 'elf'],
  ['/usr/bin/postgres', 'elf'],
  ['[kernel]', 'kernel'],
  ['/usr/lib/x86_64-linux-gnu/libssl.so.3', 'elf'],
  ['/opt/app/bin/engine', 'elf'],
  ['[jit]', 'jit'],
  ['nf_tables', 'module'],
  ['/usr/lib/libpython3.11.so.1.0', 'elf'],
] as const;
const COMMANDS = [
  'postgres',
  'node',
  'nginx',
  'clang',
  'kworker/1:2',
  'Xorg',
  'redis-server',
  'rustc',
];
const THREADS = 16;
const VERBS = [
  'alloc',
  'parse',
  'read',
  'write',
  'hash',
  'lookup',
  'insert',
  'flush',
  'encode',
  'visit',
];
const NOUNS = [
  'node',
  'page',
  'tuple',
  'buffer',
  'token',
  'row',
  'index',
  'packet',
  'frame',
  'string',
];

/** mulberry32: small, seeded, good enough. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * A session like real ones: stacks about 30 deep that share prefixes (2 to 4 new trie rows each),
 * functions and stacks of Zipf popularity, each function with few callees.
 */
export function syntheticTables(size: SyntheticSize): SessionTables {
  const rand = random(1);
  const frames = size.functions * 2;
  const trie = growStacks(size, frames, rand);
  const imageOf = Int32Array.from({ length: size.functions }, (_, k) =>
    k % 11 === 0 ? 2 : k % 13 === 0 ? 5 : (Math.imul(k, 7) >>> 0) % IMAGES.length,
  );
  const func = Int32Array.from({ length: frames }, (_, k) =>
    k % 41 === 7 ? -1 : k % size.functions,
  );
  const named = Int32Array.from(func.keys()).filter((frame) => func[frame]! >= 0);
  const symbol = new Int32Array(frames).fill(-1);
  named.forEach((frame, row) => (symbol[frame] = row));
  return {
    images: {
      length: IMAGES.length,
      kind: Uint8Array.from(IMAGES, ([, kind]) => IMAGE_KINDS.indexOf(kind)),
      path: IMAGES.map(([path]) => path),
      buildId: IMAGES.map(() => ''),
    },
    imageProblems: { length: 0, image: new Int32Array(0), problem: [] },
    processes: {
      length: COMMANDS.length,
      pid: Int32Array.from(COMMANDS, (_, k) => 1207 + 41 * k),
      parentPid: new Int32Array(COMMANDS.length).fill(1),
      start: new Float64Array(COMMANDS.length).fill(-1e9),
      end: new Float64Array(COMMANDS.length).fill(NaN),
      comm: COMMANDS,
      exe: COMMANDS.map((comm) => `/usr/bin/${comm}`),
    },
    threads: {
      length: THREADS,
      process: Int32Array.from({ length: THREADS }, (_, k) => k % COMMANDS.length),
      tid: Int32Array.from({ length: THREADS }, (_, k) => 1207 + 41 * (k % 8) + (k < 8 ? 0 : k)),
      comm: Array.from({ length: THREADS }, (_, k) => COMMANDS[k % COMMANDS.length] ?? ''),
    },
    functions: {
      length: size.functions,
      name: Array.from({ length: size.functions }, (_, k) => functionName(k)),
      image: imageOf,
      interpreted: new Uint8Array(size.functions),
    },
    sourceFiles: { length: 0, path: [] },
    symbols: {
      length: named.length,
      frame: named,
      depth: new Uint8Array(named.length),
      func: named.map((frame) => func[frame]!),
      file: new Int32Array(named.length).fill(-1),
      line: new Int32Array(named.length),
    },
    frames: {
      length: frames,
      image: Int32Array.from({ length: frames }, (_, k) => imageOf[k % size.functions]!),
      offset: Float64Array.from({ length: frames }, (_, k) => 0x1000 + 64 * k),
      kind: Uint8Array.from({ length: frames }, (_, k) =>
        kindCode(imageOf[k % size.functions]!, k),
      ),
      func,
      symbol,
    },
    stacks: trie.table,
    samples: drawSamples(size, trie.leaves, rand),
    ...ON_CPU_TABLES,
  };
}

const functionName = (k: number): string => {
  const name = `${VERBS[k % 10] ?? ''}_${NOUNS[Math.floor(k / 10) % 10] ?? ''}`;
  return k < 100 ? name : `${name}_${Math.floor(k / 100)}`;
};

function kindCode(image: number, frame: number): number {
  const kind = IMAGES[image]?.[1];
  if (kind === 'kernel' || kind === 'module') return FRAME_KINDS.indexOf('kernel');
  if (kind === 'jit') return FRAME_KINDS.indexOf('jit');
  return FRAME_KINDS.indexOf(frame % 17 === 0 ? 'inlined' : 'user');
}

function growStacks(
  size: SyntheticSize,
  frames: number,
  rand: () => number,
): { readonly table: SessionTables['stacks']; readonly leaves: Int32Array } {
  const parent: number[] = [];
  const frame: number[] = [];
  const depth: number[] = [];
  const rowOf = new Map<number, number>();
  const child = (above: number, row: number): number => {
    const key = (above + 1) * frames + row;
    let found = rowOf.get(key);
    if (found === undefined) {
      found = parent.length;
      rowOf.set(key, found);
      parent.push(above);
      frame.push(row);
      depth.push(above < 0 ? 1 : depth[above]! + 1);
    }
    return found;
  };
  const leaves = new Int32Array(size.stacks);
  for (let k = 0; k < size.stacks; k++) {
    // An earlier stack, cut a little below its leaf, with other callees behind it.
    let at = k === 0 ? -1 : leaves[Math.floor(rand() * k)]!;
    const cuts = 1 + Math.floor(-Math.log(1 - rand() * 0.999) * 3);
    for (let cut = 0; cut < cuts && at >= 0; cut++) at = parent[at]!;
    const wanted = 18 + Math.floor(rand() * 34);
    let added = 0;
    do {
      const from = at < 0 ? 0 : frame[at]!;
      const branch = Math.floor(-Math.log(1 - rand() * 0.999) * 1.5);
      at = child(at, ((Math.imul(from + 1, 7919) >>> 0) + branch * 104_729) % frames);
      added++;
    } while (added < 3 || (k < 200 && depth[at]! < wanted));
    leaves[k] = at;
  }
  return {
    table: {
      length: parent.length,
      parent: Int32Array.from(parent),
      frame: Int32Array.from(frame),
    },
    leaves,
  };
}

function drawSamples(
  size: SyntheticSize,
  leaves: Int32Array,
  rand: () => number,
): SessionTables['samples'] {
  const { samples } = size;
  const duration = size.durationNs ?? 60e9;
  const table = {
    length: samples,
    time: new Float64Array(samples),
    thread: new Int32Array(samples),
    stack: new Int32Array(samples),
    cpu: new Uint16Array(samples),
    weight: new Float64Array(samples).fill(1),
    ...onCpuColumns(samples),
  };
  for (let k = 0; k < samples; k++) {
    const at = k / samples;
    table.time[k] = (at + 0.018 * Math.sin(at * 40)) * duration * 0.96 + duration * 0.02;
    table.thread[k] = Math.floor((THREADS + 1) ** rand()) - 1;
    const zipf = Math.floor((leaves.length + 1) ** rand()) - 1;
    table.stack[k] = k < leaves.length ? leaves[k]! : leaves[zipf]!;
    table.cpu[k] = k & 3;
  }
  return table;
}
