import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listFolder } from '../../main/serve/list-folder.ts';
import { listPageFiles } from '../../main/serve/page/page-files.ts';
import { messageFromText, messageToText } from '../../main/shared/ipc/serve-contract.ts';
import { printable, printableLines } from '../../main/shared/text/printable-text.ts';

describe('messageFromText', () => {
  it('gives back what messageToText was given, special numbers too', () => {
    const value = {
      cpu: Number.NaN,
      most: [Infinity, -Infinity, 0.1],
      name: '$number',
      none: null,
    };
    expect(messageFromText(messageToText(value))).toEqual(value);
    fc.assert(
      fc.property(fc.jsonValue(), (any) => {
        expect(messageFromText(messageToText(any))).toEqual(JSON.parse(JSON.stringify(any)));
      }),
    );
  });

  it('takes no other word for a number', () => {
    for (const word of ['constructor', '1', '__proto__', 'toString']) {
      const value = { $number: word };
      expect(messageFromText(JSON.stringify(value))).toEqual(value);
    }
  });
});

describe('printableLines', () => {
  it('is printable() of every line and between tabs', () => {
    expect(printableLines('a\x1b[2J\tb\u202ec\nd\re')).toBe('a\\x1b[2J\tb\\u202ec\nd\\x0de');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const lines = text.split('\n').map((line) => line.split('\t').map(printable).join('\t'));
        expect(printableLines(text)).toBe(lines.join('\n'));
      }),
    );
  });
});

describe('listFolder', () => {
  it('lists folders, links to folders and files apart, in order, without hidden ones', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emberscope-list-'));
    for (const name of ['b.ember', 'a.ember', '.hidden']) writeFileSync(join(folder, name), '');
    mkdirSync(join(folder, 'sub'));
    symlinkSync('sub', join(folder, 'link'));
    symlinkSync('nowhere', join(folder, 'broken'));
    expect(await listFolder(`${folder}/sub/..`)).toEqual({
      ok: true,
      value: {
        path: `${folder}/`.slice(0, -1),
        parent: tmpdir(),
        folders: ['link', 'sub'],
        files: ['a.ember', 'b.ember', 'broken'],
        more: 0,
      },
    });
  });

  it('counts what it does not list', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emberscope-list-'));
    for (let k = 0; k < 1003; k++) writeFileSync(join(folder, `${k}`), '');
    const listed = await listFolder(folder);
    expect(listed.ok && [listed.value.files.length, listed.value.more]).toEqual([1000, 3]);
  });
});

describe('listPageFiles', () => {
  it('follows no link out of the folder and knows few kinds', () => {
    const folder = mkdtempSync(join(tmpdir(), 'emberscope-page-'));
    mkdirSync(join(folder, 'fonts'));
    for (const name of ['index.html', 'fonts/a.woff2', 'index.js.map', '.env', 'x.json']) {
      writeFileSync(join(folder, name), '');
    }
    symlinkSync('/etc/passwd', join(folder, 'passwd.html'));
    symlinkSync('/etc', join(folder, 'etc'));
    expect([...listPageFiles(folder).keys()].sort()).toEqual(['/fonts/a.woff2', '/index.html']);
  });
});
