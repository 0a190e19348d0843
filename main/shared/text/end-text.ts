import type { SessionEnd } from '../model/session-info.ts';

/** Why a recording ended, where that is not what its user asked for. */
export interface EndText {
  readonly text: string;
  /** What went wrong, as sentences; empty: nothing. Raw: may hold any character. */
  readonly detail: string;
}

/** null: it runs, it ended as it was meant to (by hand, by its duration), or nobody knows. */
export function describeEnd(end: SessionEnd | null): EndText | null {
  if (end === null) return null;
  switch (end.reason) {
    case 'stopped':
    case 'duration-over':
      return end.error === '' ? null : { text: 'ended with an error', detail: end.error };
    case 'target-exited':
      return { text: 'ended with its target', detail: end.error };
    case 'failed':
      return { text: 'ended by a failure', detail: end.error };
  }
}
