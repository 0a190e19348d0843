import {
  FRAME_KINDS,
  type FrameKind,
  type SessionTables,
} from '../../main/shared/model/session-tables.ts';
import { UNWIND_STOPS, type UnwindStop } from '../../main/shared/model/unwind-stop.ts';
import { isOffsetName } from '../../main/shared/text/frame-name.ts';

/** A frame of a user stack as tests and benches compare it. */
export interface UserFrame {
  /** Path of the image. */
  readonly image: string;
  /** Bytes into the file; of JIT code its address. A caller's is its return address less one. */
  readonly offset: number;
  /** Empty: no symbol, though perhaps a place where its function begins. */
  readonly name: string;
  readonly kind: FrameKind;
}

/** Samples of one process that have the same user stack. */
export interface UserStack {
  readonly pid: number;
  readonly comm: string;
  /** Root first; without kernel frames and without the mark of a stack that was cut short. */
  readonly frames: readonly UserFrame[];
  /** Why the walk ended, if it is known to have ended early; null: nothing of the kind is recorded. */
  readonly stop: UnwindStop | null;
  /** Samples, summed. */
  readonly weight: number;
}

/** Every distinct user stack of a session; samples without user frames are left out. */
export function userStacksOf(tables: SessionTables): UserStack[] {
  const { samples, threads, processes } = tables;
  const found = new Map<string, { stack: UserStack; weight: number }>();
  for (let row = 0; row < samples.length; row++) {
    const thread = samples.thread[row]!;
    const process = threads.process[thread]!;
    const key = `${process} ${samples.stack[row]!}`;
    const known = found.get(key);
    const weight = samples.weight[row]!;
    if (known !== undefined) known.weight += weight;
    else {
      const { frames, stop } = walk(tables, samples.stack[row]!);
      const pid = processes.pid[process]!;
      const comm = threads.comm[thread] ?? '';
      found.set(key, { stack: { pid, comm, frames, stop, weight: 0 }, weight });
    }
  }
  return [...found.values()]
    .map(({ stack, weight }) => ({ ...stack, weight }))
    .filter(({ frames, stop }) => frames.length > 0 || stop !== null);
}

function walk(tables: SessionTables, leaf: number): Pick<UserStack, 'frames' | 'stop'> {
  const { stacks, frames, images, functions } = tables;
  const all: UserFrame[] = [];
  let stop: UnwindStop | null = null;
  for (let row = leaf; row >= 0; row = stacks.parent[row]!) {
    const frame = stacks.frame[row]!;
    const kind = FRAME_KINDS[frames.kind[frame]!] ?? 'user';
    if (kind === 'kernel') continue;
    if (kind === 'incomplete') {
      stop = UNWIND_STOPS[frames.offset[frame]!] ?? 'unknown';
      continue;
    }
    const func = frames.func[frame]!;
    const image = images.path[frames.image[frame]!] ?? '';
    const name = func >= 0 ? (functions.name[func] ?? '') : '';
    all.push({
      image,
      offset: frames.offset[frame]!,
      name: isOffsetName(image, name) ? '' : name,
      kind,
    });
  }
  return { frames: all.reverse(), stop };
}
