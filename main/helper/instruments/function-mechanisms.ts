import { err, ok, type Result } from '#shared/result.ts';
import { openKernelProbe } from '../../bpf/probe-event.ts';
import { libc } from '../../ffi/libc.ts';
import type { CaptureObjects, ObjectSettings } from '../capture-objects.ts';

/** What an attempt attached. */
export interface Attached {
  /** As people call it. */
  readonly name: string;
  readonly fds: readonly number[];
  /** What is less than asked for; empty: nothing. */
  readonly note: string;
}

/**
 * Loads and attaches one mechanism for real: nothing else tells whether it works. The error says why
 * it does not, without full stop; nothing of it stays attached then.
 */
export type Attempt = (
  names: readonly string[],
  settings: ObjectSettings,
  objects: CaptureObjects,
) => Result<Attached, string>;

const closeAll = (fds: readonly number[]): void => {
  for (const fd of fds) libc().close(fd);
};

/** fentry and fexit: a pair of programs for each function. */
export const attemptFentry: Attempt = (names, settings, objects) => {
  const fds: number[] = [];
  for (const name of names) {
    const refused = attachFentry(name, settings, objects, fds);
    if (refused === null) continue;
    closeAll(fds);
    return err(`not by fentry: ${refused}`);
  }
  return ok({ name: 'fentry', fds, note: '' });
};

/** null: attached, to `fds`. */
function attachFentry(
  name: string,
  settings: ObjectSettings,
  objects: CaptureObjects,
  fds: number[],
): string | null {
  const loaded = objects.load('fentry.bpf.o', settings, (object) => {
    const known = ['on_entry', 'on_return'].every((program) =>
      object.setAttachTarget(program, name),
    );
    return known ? ok(undefined) : err({ kind: 'probe-not-found', probe: name });
  });
  if (!loaded.ok) {
    if (loaded.error.kind === 'bpf-load-failed') return whyNot(loaded.error.errno);
    if (loaded.error.kind !== 'probe-not-found') return loaded.error.kind;
    return "the kernel's type information has no such function";
  }
  // Returns first: a call that is seen to begin is seen to end.
  for (const program of ['on_return', 'on_entry']) {
    const fd = loaded.value.attachTracing(program);
    if (fd.ok) fds.push(fd.value);
    else return fd.error.kind === 'attach-failed' ? whyNot(fd.error.errno) : fd.error.kind;
  }
  return null;
}

/** kprobe.multi: one attachment for the entries of all functions, one for their returns. */
export const attemptMulti: Attempt = (names, settings, objects) => {
  const refuse = (why: string): Result<never, string> => err(`not by kprobe.multi: ${why}`);
  const loaded = objects.load('kprobe_multi.bpf.o', settings);
  if (!loaded.ok) {
    const { error } = loaded;
    return refuse(error.kind === 'bpf-load-failed' ? whyNot(error.errno) : error.kind);
  }
  const fds: number[] = [];
  for (const point of ['return', 'entry'] as const) {
    const fd = loaded.value.attachKprobeMulti(`on_${point}`, names, point);
    if (fd.ok) {
      fds.push(fd.value);
      continue;
    }
    closeAll(fds);
    return refuse(whyNot(fd.error));
  }
  return ok({ name: 'kprobe.multi', fds, note: '' });
};

/** A kprobe and a kretprobe for each function; those the kernel refuses are left out and told. */
export const attemptKprobe: Attempt = (names, settings, objects) => {
  const refuse = (why: string): Result<never, string> => err(`not by kprobe: ${why}`);
  const loaded = objects.load('kprobe.bpf.o', settings);
  if (!loaded.ok) {
    const { error } = loaded;
    return refuse(error.kind === 'bpf-load-failed' ? whyNot(error.errno) : error.kind);
  }
  const fds: number[] = [];
  let refused = 0;
  let latest = '';
  for (const name of names) {
    const pair: number[] = [];
    for (const point of ['return', 'entry'] as const) {
      const fd = openKernelProbe(name, loaded.value.programFd(`on_${point}`), point);
      if (fd.ok) pair.push(fd.value);
      else latest = fd.error;
    }
    if (pair.length === 2) {
      fds.push(...pair);
      continue;
    }
    closeAll(pair);
    refused++;
    if (latest === 'ENOTSUP') return refuse('this kernel is built without kprobes');
  }
  if (fds.length === 0) return refuse(whyNot(latest));
  const note = refused === 0 ? '' : `${refused} functions cannot be probed (${latest})`;
  return ok({ name: 'kprobe', fds, note });
};

/** What a refusal means, as the kernels we know mean it. */
function whyNot(errno: string): string {
  switch (errno) {
    case 'EPERM':
    case 'EACCES':
      return `the kernel does not permit it (${errno})`;
    case 'EINVAL':
      return `this kernel cannot do it, or not for this function (${errno})`;
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return `this kernel is built without it (${errno})`;
    case 'EBUSY':
      return `another tracer holds the function (${errno})`;
    case 'EMFILE':
    case 'ENFILE':
      return `too many probes at once (${errno})`;
    default:
      return `the kernel refused it (${errno})`;
  }
}
