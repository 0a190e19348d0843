import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';

import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';

import { kindOfPath } from './path-kind.ts';

/** Whether a recording may be written to `path`; asked before anything privileged starts. */
export function checkOutput(path: string, force: boolean): Result<null, ProfilerError> {
  const refuse = (reason: string): Result<null, ProfilerError> =>
    err({ kind: 'output-unwritable', path, reason });
  const folder = dirname(path);
  const parent = kindOfPath(folder);
  if (typeof parent === 'object') return refuse(`the folder ${folder}: ${parent.problem}`);
  if (parent !== 'folder') return refuse(`the folder ${folder} does not exist`);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
    const why = code === 'EROFS' ? 'is on a read-only file system' : 'is not writable';
    return refuse(`the folder ${folder} ${why}`);
  }
  const found = kindOfPath(path);
  if (typeof found === 'object') return refuse(found.problem);
  if (found === 'folder') return refuse('it is a folder');
  if (!force && found !== 'absent') return refuse('it exists already');
  return ok(null);
}
