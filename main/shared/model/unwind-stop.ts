/**
 * Why the walk up a user stack ended. On the wire (UNWIND_* of native-bpf/wire.h) and in files, as the
 * offset of the `incomplete` frame that stands at the root of such a stack: never renumber.
 */
export const UNWIND_STOPS = [
  /** Nobody told: the kernel's own frame-pointer walk, or there is no user stack. */
  'unknown',
  /** The thread's start was reached: the stack is whole. */
  'complete',
  /** Deeper than 127 frames; the root end is cut. */
  'depth',
  /** The process was too new: its mappings were not known yet. */
  'no-process',
  /** The address lies in no executable mapping that is known. */
  'no-mapping',
  /** The image's unwind table is not loaded: still being built, or the memory budget is spent. */
  'no-table',
  /** No unwind row covers the address and its frame pointer leads nowhere. */
  'no-frame-pointer',
  /** The unwind information says it in a way that is not supported (an expression, a rare register). */
  'unsupported-rule',
  /** Stack memory could not be read: paged out, or the stack pointer is no stack pointer. */
  'unreadable-stack',
  /** The next frame does not lie above the last: damaged or misread stack. */
  'no-progress',
  /** The thread's user registers were not available (sampled in the kernel, before Linux 5.15). */
  'no-registers',
  /** The program ran out of steps. */
  'step-limit',
] as const;
export type UnwindStop = (typeof UNWIND_STOPS)[number];

/** Path of the pseudo image that holds the `incomplete` frames. */
export const INCOMPLETE_IMAGE = '[incomplete]';

/** Stops that cut a stack short of the thread's start, as known for certain. */
export const isIncomplete = (stop: UnwindStop): boolean =>
  stop !== 'unknown' && stop !== 'complete';
