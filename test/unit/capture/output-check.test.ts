import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checkOutput } from '../../../main/capture/output-check.ts';
import { asNobody } from '../../support/store.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ember-output-'));
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('loop', join(folder, 'loop'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('checkOutput', () => {
  it.each([
    ['a new file', 'new.ember', false],
    ['a file that may be replaced', 'file', true],
  ])('allows %s', (_, name, force) => {
    expect(checkOutput(join(folder, name), force)).toEqual({ ok: true, value: null });
  });

  it.each([
    ['a folder', 'sub', 'it is a folder'],
    ['a file that exists', 'file', 'it exists already'],
    ['a folder that does not exist', 'absent/new.ember', 'does not exist'],
    ['a path below a file', 'file/x/new.ember', 'ENOTDIR'],
    ['a link to itself', 'loop', 'ELOOP'],
    ['a folder that is a link to itself', 'loop/new.ember', 'ELOOP'],
    ['a name that is too long', 'n'.repeat(300), 'ENAMETOOLONG'],
    ['a name with a zero byte', 'a\0b', 'null bytes'],
  ])('refuses %s and says so', (_, name, reason) => {
    const path = join(folder, name);
    expect(checkOutput(path, false)).toEqual({
      ok: false,
      error: { kind: 'output-unwritable', path, reason: expect.stringContaining(reason) as string },
    });
  });

  it('refuses a folder that may not be looked into', async ({ skip }) => {
    if (process.getuid?.() !== 0) return skip('needs root to become another user');
    // mkdtemp makes it for its owner alone.
    const path = join(folder, 'sub', 'new.ember');
    const checked = await asNobody(() => Promise.resolve().then(() => checkOutput(path, false)));
    expect(checked).toMatchObject({ ok: false, error: { kind: 'output-unwritable' } });
    expect(JSON.stringify(checked)).toContain('EACCES');
  });
});
