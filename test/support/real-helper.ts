import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { buildHelper } from './bpf-helper.ts';

/**
 * Makes the helper as the checkout has it the one that recordings start, and gives every test of the
 * file a folder of its own. Hooks of the caller end before the folder goes.
 */
export function useRealHelper(): { readonly folder: string } {
  const rig = { folder: '' };
  let helper = '';
  beforeAll(async () => {
    helper = await buildHelper();
  });
  beforeEach(() => {
    vi.stubEnv('EMBERSCOPE_TEST', '1');
    vi.stubEnv('EMBERSCOPE_TEST_HELPER', helper);
    rig.folder = mkdtempSync(join(tmpdir(), 'ember-capture-'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(rig.folder, { recursive: true, force: true });
  });
  return rig;
}
