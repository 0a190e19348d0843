import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromScripts, SCRIPTS } from '../support/installed-app.ts';

const PACKER = join(SCRIPTS, '../../package-fpm.mjs');
/** A filesystem in memory, whatever the checkout lies on. */
const ELSEWHERE = '/dev/shm';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'emberscope-packer-'));
  const share = ['usr/share/zsh/vendor-completions/_tiny', 'usr/share/doc/tiny/copyright'];
  for (const file of ['opt/Tiny/tiny', 'script.sh', ...share]) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    writeFileSync(join(folder, file), '#!/bin/sh\nexit 0\n');
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const run = (args: readonly string[], env: NodeJS.ProcessEnv = process.env) =>
  spawnSync(process.execPath, [PACKER, ...args], { encoding: 'utf8', env });

/** What electron-builder asks for. */
const request = (kind: 'deb' | 'rpm', output: string): readonly string[] => [
  ...['-s', 'dir', '-t', kind, '--package', output, '--name', 'tiny', '--version', '1.0'],
  ...[
    '--architecture',
    kind === 'deb' ? 'amd64' : 'x86_64',
    '--maintainer',
    'Nobody <n@b.invalid>',
  ],
  ...['--url', 'https://tiny.invalid', '--license', 'Apache-2.0', '--category', 'devel'],
  ...['--description', 'tiny\n one file', '--rpm-summary', 'tiny'],
  ...['--after-install', join(folder, 'script.sh'), '--after-remove', join(folder, 'script.sh')],
  ...[`${folder}/opt/=/opt`, `${folder}/usr/=/usr`],
];

describe('the packer in place of fpm', () => {
  it('refuses an option that it does not know, instead of leaving something out', () => {
    const done = run(['-s', 'dir', '-t', 'deb', '--deb-pre-depends', 'x']);
    expect(done.status).not.toBe(0);
    expect(done.stderr).toContain('asks its packer for something new: --deb-pre-depends');
  });

  it('does not care on which filesystem temporary files and the output lie', () => {
    const output = mkdtempSync(join(ELSEWHERE, 'emberscope-packer-'));
    try {
      expect(statSync(output).dev).not.toBe(statSync(SCRIPTS).dev);
      for (const kind of ['deb', 'rpm'] as const) {
        const inside = join(folder, `tiny.${kind}`);
        expect(run(request(kind, inside), { ...process.env, TMPDIR: output })).toMatchObject({
          status: 0,
        });
        const outside = join(output, `tiny.${kind}`);
        expect(run(request(kind, outside))).toMatchObject({ status: 0 });
        for (const path of [inside, outside]) expect(statSync(path).size).toBeGreaterThan(500);
      }
    } finally {
      rmSync(output, { recursive: true, force: true });
    }
  });
});

describe('the fingerprint of a package', () => {
  it('is another when a library of the build system that it carries was updated', () => {
    const library = join(folder, 'carried.so');
    const print = () =>
      fromScripts(
        `import { fingerprint } from '${SCRIPTS}/fingerprint.mjs';
         const runtime = { version: '1', folder: '/', executable: process.execPath, origin: '' };
         console.log(JSON.stringify(fingerprint(runtime, new Date(0), ['${library}'])));`,
      );
    writeFileSync(library, 'libbpf 1.1');
    const before = print();
    expect(print()).toBe(before);
    writeFileSync(library, 'libbpf 1.2');
    expect(print()).not.toBe(before);
  });
});
