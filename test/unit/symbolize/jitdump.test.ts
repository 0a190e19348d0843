import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { dumpPathsIn, ProcessJitNames } from '../../../main/symbolize/jit-names.ts';
import { JitDump } from '../../../main/symbolize/jitdump.ts';
import {
  jitClose,
  jitHeader,
  jitLines,
  jitLoad,
  jitMove,
  jitUnwinding,
} from '../../support/jitdump-bytes.ts';

const folder = mkdtempSync(join(tmpdir(), 'jitdump-'));
afterAll(() => rmSync(folder, { recursive: true }));

const dumpOf = (...records: readonly Buffer[]): JitDump => {
  const dump = new JitDump('unused');
  dump.add(Buffer.concat([jitHeader(7), ...records]));
  return dump;
};
const foo = { name: 'foo', address: 0x7f00_0000_1000, size: 0x40, index: 1 };

describe('JitDump', () => {
  it('names loaded code, to its last byte', () => {
    const dump = dumpOf(jitLoad(foo), jitUnwinding(), jitClose());
    expect(dump.find(foo.address + 0x3f)).toEqual({ name: 'foo', start: foo.address });
    expect(dump.find(foo.address + 0x40)).toBeNull();
    expect([dump.pid, dump.length, dump.malformed, dump.closed]).toEqual([7, 1, 0, true]);
  });

  it('lets newer code at an address win', () => {
    const dump = dumpOf(jitLoad(foo), jitLoad({ ...foo, name: 'bar', size: 0x10, index: 2 }));
    expect(dump.find(foo.address)?.name).toBe('bar');
    expect(dump.find(foo.address + 0x20)?.name).toBe('foo');
  });

  it('follows code that moved, twice, with its lines', () => {
    const lines = jitLines(foo.address, [[foo.address + 4, 12, '/a.js']]);
    const [first, second] = [0x7f00_0000_2000, 0x7f00_0000_3000];
    const dump = dumpOf(
      ...[lines, jitLoad(foo), jitMove(1, foo.address, first, 0x40)],
      jitMove(1, first, second, 0x40),
    );
    for (const start of [first, second]) {
      expect(dump.find(start + 8)).toEqual({
        ...{ name: 'foo', start },
        source: { file: '/a.js', line: 12 },
      });
    }
  });

  it('counts a move of code that nobody loaded', () => {
    expect(dumpOf(jitMove(9, 0x1000, 0x2000, 16)).malformed).toBe(1);
  });

  it('tells the line that an address belongs to', () => {
    const { address } = foo;
    const dump = dumpOf(
      jitLines(address, [
        [address + 4, 12, '/a.js'],
        [address + 0x10, 13, '\xff'],
        [address + 0x20, 3, '/b.js'],
      ]),
      jitLoad(foo),
    );
    const at = (offset: number): unknown => dump.find(address + offset)?.source;
    expect(at(0)).toBeUndefined();
    expect(at(4)).toEqual({ file: '/a.js', line: 12 });
    expect(at(0x1f)).toEqual({ file: '/a.js', line: 13 });
    expect(at(0x3f)).toEqual({ file: '/b.js', line: 3 });
  });

  it('takes the ELF header off addresses that V8 counts behind one', () => {
    const { address } = foo;
    const lines = jitLines(address, [
      [address + 0x40, 1, '/a.js'],
      [address + 0x50, 2, '/a.js'],
    ]);
    const dump = dumpOf(lines, jitLoad({ ...foo, name: 'JS:*f /a.js:1:1', size: 0x100 }));
    expect(dump.find(address)?.source).toEqual({ file: '/a.js', line: 1 });
    expect(dump.find(address + 0x10)?.source).toEqual({ file: '/a.js', line: 2 });
  });

  it('gives no line of other code, nor one that reaches beyond the code', () => {
    const { address } = foo;
    const other = dumpOf(jitLines(address + 8, [[address + 8, 1, '/a']]), jitLoad(foo));
    const beyond = dumpOf(jitLines(address, [[address + 0x1000, 1, '/a']]), jitLoad(foo));
    for (const dump of [other, beyond]) {
      expect(dump.find(address + 0x3f)).toEqual({ name: 'foo', start: address });
    }
  });

  it('keeps the name when a line table is garbage, as Node.js 20 writes some', () => {
    const { address } = foo;
    const dump = dumpOf(
      jitLines(address, [
        [address, 1, '{j\u0001'],
        [address + 1, 1, '/a'],
      ]),
      jitLoad(foo),
    );
    expect(dump.find(address)).toEqual({ name: 'foo', start: address });
    expect(dump.malformed).toBe(1);
  });

  it('gives up a file that is none, and one whose records have no length', () => {
    const text = new JitDump('unused');
    text.add(Buffer.alloc(100, 'x'));
    const stuck = dumpOf(Buffer.alloc(16), jitLoad(foo));
    expect([text.malformed, text.length, stuck.malformed, stuck.length]).toEqual([1, 0, 1, 0]);
  });

  it('does not believe addresses and sizes beyond 2^53', () => {
    expect(dumpOf(jitLoad({ ...foo, address: 2 ** 53 })).length).toBe(0);
  });

  it('reads a file as it grows, and starts over when it is cut', () => {
    const path = join(folder, 'jit-7.dump');
    writeFileSync(path, jitHeader(7));
    const dump = new JitDump(path);
    expect(dump.refresh()).toBeNull();
    appendFileSync(path, jitLoad(foo).subarray(0, 60));
    dump.refresh();
    expect(dump.find(foo.address)).toBeNull();
    appendFileSync(path, jitLoad(foo).subarray(60));
    dump.refresh();
    expect(dump.find(foo.address)?.name).toBe('foo');
    writeFileSync(path, jitHeader(8));
    dump.refresh();
    expect([dump.pid, dump.length]).toEqual([8, 0]);
  });

  it('reads the same from any pieces of any bytes', () => {
    const good = Buffer.concat([
      ...[jitHeader(7), jitLines(foo.address, [[foo.address, 2, '/a']]), jitLoad(foo)],
      ...[jitMove(1, foo.address, 0x9000, 0x40), jitUnwinding(), jitLoad({ ...foo, name: 'b' })],
    ]);
    let named = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.integer({ min: 1, max: 97 }),
        (edits, cut) => {
          const bytes = Buffer.from(good);
          for (const [at, value] of edits) bytes[at] = value;
          const whole = new JitDump('unused');
          whole.add(bytes);
          const pieces = new JitDump('unused');
          for (let at = 0; at < bytes.length; at += cut) pieces.add(bytes.subarray(at, at + cut));
          expect([pieces.length, pieces.malformed]).toEqual([whole.length, whole.malformed]);
          for (const address of [foo.address, 0x9010]) {
            expect(pieces.find(address)).toEqual(whole.find(address));
            if (whole.find(address) !== null) named++;
          }
        },
      ),
      { numRuns: 3000 },
    );
    expect(named).toBeGreaterThan(0);
  });
});

describe('dumpPathsIn', () => {
  it('finds the mappings runtimes make of their jitdump, once each', () => {
    const maps = [
      '55d000000000-55d000001000 r--p 00000000 fe:00 7   /usr/bin/node',
      '7f0000000000-7f0000001000 r-xp 00000000 fe:00 9   /srv/a b/jit-12.dump',
      '7f0000002000-7f0000003000 r-xp 00000000 fe:00 9   /srv/a b/jit-12.dump',
      '7f0000004000-7f0000005000 r-xp 00000000 fe:00 9   /srv/jit-12.dump.old',
      '7f0000006000-7f0000007000 rw-p 00000000 00:00 0 ',
    ];
    expect(dumpPathsIn(maps.join('\n'))).toEqual(['/srv/a b/jit-12.dump']);
  });
});

describe('ProcessJitNames', () => {
  it('finds the jitdump of a running Node.js through its mapping, with lines', async () => {
    const script = join(folder, 'hot.js');
    writeFileSync(
      script,
      [
        'function hotLoop(n) {',
        '  let s = 0;',
        '  for (let i = 0; i < n; i++) s += i % 7;',
        '  return s;',
        '}',
        'for (let i = 0; i < 3000; i++) hotLoop(1000);',
        'console.log("ready");',
        'setTimeout(() => {}, 60000);',
      ].join('\n'),
    );
    const child = spawn(process.execPath, ['--perf-prof', script], { cwd: folder });
    try {
      await once(child.stdout, 'data');
      const names = new ProcessJitNames(child.pid!);
      expect(names.refresh()).toBe(true);
      const dump = new JitDump(join(folder, `jit-${child.pid}.dump`));
      expect(dump.refresh()).toBeNull();
      expect(dump.pid).toBe(child.pid);
      expect(dump.length).toBeGreaterThan(1000);
      process.stdout.write(
        `jitdump of Node.js ${process.version}: ${dump.length} pieces, ${dump.malformed} malformed\n`,
      );
      child.kill('SIGKILL');
      await once(child, 'exit');
      // What was read stays.
      expect(names.refresh()).toBe(true);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('does not believe a jitdump that another process wrote', async () => {
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
    try {
      const path = join(folder, 'jit-1.dump');
      writeFileSync(path, Buffer.concat([jitHeader(child.pid! + 1), jitLoad(foo)]));
      const stranger = new ProcessJitNames(child.pid!);
      stranger.addDump(path);
      expect(stranger.find(foo.address)).toBeNull();
      writeFileSync(path, Buffer.concat([jitHeader(child.pid!), jitLoad(foo)]));
      const own = new ProcessJitNames(child.pid!);
      own.addDump(path);
      expect(own.find(foo.address)?.name).toBe('foo');
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});
