import type { KeyKind } from '#shared/model/call-tree-keys.ts';

/** What kind of code a frame is, for people; empty for what is no code. */
export function kindText(kind: KeyKind): string {
  switch (kind) {
    case 'user':
      return 'User code';
    case 'kernel':
      return 'Kernel';
    case 'jit':
      return 'JIT code';
    case 'inlined':
      return 'Inlined';
    case 'interpreted':
      return 'Interpreted';
    case 'process':
      return 'Process';
    case 'thread':
      return 'Thread';
    case 'incomplete':
      return 'Incomplete stack';
    case 'waker':
      return 'Above it: who ended the wait, leaf first';
    case 'running':
      return 'Time on a CPU';
    case 'waiting':
      return 'Time waiting for something';
    case 'queued':
      return 'Time runnable, without a CPU';
    case 'root':
    case 'no-stack':
      return '';
  }
}
