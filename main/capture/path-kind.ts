import { statSync } from 'node:fs';

import { invariant } from '#shared/invariant.ts';

/** What a path names; `problem` is why that cannot be found out (EACCES, ELOOP, ENAMETOOLONG …). */
export type PathKind = 'absent' | 'folder' | 'other' | { readonly problem: string };

/** Looks at a path; never throws. Links are followed, as open(2) does. */
export function kindOfPath(path: string): PathKind {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return 'absent';
    return found.isDirectory() ? 'folder' : 'other';
  } catch (thrown) {
    invariant(thrown instanceof Error, 'node:fs throws errors');
    return { problem: thrown.message };
  }
}
