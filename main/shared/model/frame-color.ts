import type { KeyLabel } from './call-tree-keys.ts';

/**
 * Which colour a box gets, without saying which colour that is: themes map slots to colours. User code
 * is coloured by image, so that one library reads as one surface; the kinds differ in texture too.
 */
export type ColorSlot = number;

/** Slots 0 .. MODULE_SLOTS - 1 are for images of user code. */
export const MODULE_SLOTS = 8;
export const KERNEL_SLOT = 8;
export const JIT_SLOT = 9;
/** Processes, threads, the root, "no stack". */
export const GROUP_SLOT = 10;
/** Marks of incomplete stacks. */
export const INCOMPLETE_SLOT = 11;
/** What threads did, by the wall clock: boxes of the tree's parts. */
export const RUNNING_SLOT = 12;
export const WAITING_SLOT = 13;
export const QUEUED_SLOT = 14;
export const SLOT_COUNT = 15;

/** The slot of a label. The same image has the same slot in every session; two images may share one. */
export function colorSlot(label: KeyLabel): ColorSlot {
  switch (label.kind) {
    case 'kernel':
      return KERNEL_SLOT;
    case 'jit':
    case 'interpreted':
      return JIT_SLOT;
    case 'root':
    case 'process':
    case 'thread':
    case 'no-stack':
      return GROUP_SLOT;
    case 'incomplete':
      return INCOMPLETE_SLOT;
    case 'waker':
      return GROUP_SLOT;
    case 'running':
      return RUNNING_SLOT;
    case 'waiting':
      return WAITING_SLOT;
    case 'queued':
      return QUEUED_SLOT;
    case 'user':
    case 'inlined':
      return hashOf(label.image) % MODULE_SLOTS;
  }
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  }
  return hash;
}
