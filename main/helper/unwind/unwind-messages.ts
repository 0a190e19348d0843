import type { Handover, UnwindMaps } from '../handover.ts';

/** What the unwind thread is started with. */
export interface UnwindSetup {
  readonly maps: UnwindMaps;
  readonly target: Handover['target'];
  readonly tables: Handover['tables'];
}

/** Tables in the kernel now; HelperStats.unwind without the walks. */
export interface UnwindTableStats {
  readonly tables: number;
  readonly tableBytes: number;
  readonly budgetBytes: number;
  readonly pending: number;
  readonly overBudget: number;
  readonly failed: number;
}

export type FromUnwind =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'stats'; readonly stats: UnwindTableStats };
