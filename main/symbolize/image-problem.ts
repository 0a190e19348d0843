import type { FileProblem } from '../elf/file-problem.ts';

/** Why an image has no symbols, or fewer than it could; facts, kept per image and never thrown. */
export type ImageProblem =
  | FileProblem
  | { readonly kind: 'not-elf'; readonly path: string; readonly reason: string }
  /** Another file than the one that ran stands there now. Build ids or inode numbers. */
  | {
      readonly kind: 'replaced';
      readonly path: string;
      readonly expected: string;
      readonly found: string;
    }
  /** Stripped, and no debug file was found. */
  | { readonly kind: 'no-symbols'; readonly path: string }
  /** /proc/kallsyms showed zeros: kernel.kptr_restrict, and no CAP_SYSLOG. */
  | { readonly kind: 'kallsyms-restricted' }
  | { readonly kind: 'kallsyms-absent' }
  /** JIT code, and its runtime writes no perf map. */
  | { readonly kind: 'no-perf-map'; readonly pids: readonly number[] };
