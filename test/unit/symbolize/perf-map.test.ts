import { spawn } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { PerfMap } from '../../../main/symbolize/perf-map.ts';
import { ProcessPerfMap } from '../../../main/symbolize/perf-map-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'perf-map-'));
afterAll(() => rmSync(folder, { recursive: true }));

const mapOf = (text: string): PerfMap => {
  const map = new PerfMap('unused');
  map.add(Buffer.from(text));
  return map;
};

describe('PerfMap', () => {
  it('reads hexadecimal with and without 0x and names with spaces', () => {
    const map = mapOf('7f00 10 JS:~foo bar.js:1:2\n0x7f20 0x10 java.lang.String::equals\n');
    expect(map.find(0x7f0f)).toEqual({ name: 'JS:~foo bar.js:1:2', start: 0x7f00 });
    expect(map.find(0x7f20)?.name).toBe('java.lang.String::equals');
    expect(map.find(0x7f10)).toBeNull();
  });

  it('lets the newest entry win where entries overlap', () => {
    const map = mapOf('1000 100 old\n1040 20 newer\n');
    expect([0x1000, 0x1040, 0x1060].map((address) => map.find(address)?.name)).toEqual([
      'old',
      'newer',
      'old',
    ]);
    map.add(Buffer.from('0ff0 100 newest\n'));
    expect([0x1000, 0x1040, 0x10f0].map((address) => map.find(address)?.name)).toEqual([
      'newest',
      'newest',
      'old',
    ]);
  });

  it('counts malformed lines and reads the others', () => {
    const map = mapOf('zz 10 a\n1000 10\n\n1000 10 good\n11111111111111111 1 long\n');
    expect([map.malformed, map.length, map.find(0x1000)?.name]).toEqual([3, 1, 'good']);
  });

  it('reads what was appended, and the rest of a line that was cut', () => {
    const path = join(folder, 'growing.map');
    writeFileSync(path, '1000 10 first\n2000 10 sec');
    const map = new PerfMap(path);
    expect(map.refresh()).toBeNull();
    expect([map.length, map.find(0x2000)]).toEqual([1, null]);
    appendFileSync(path, 'ond\n3000 10 third\n');
    expect(map.refresh()).toBeNull();
    expect([map.length, map.find(0x2000)?.name, map.find(0x3000)?.name]).toEqual([
      3,
      'second',
      'third',
    ]);
  });

  it('starts over when the file was cut', () => {
    const path = join(folder, 'cut.map');
    writeFileSync(path, '1000 10 first\n2000 10 second\n');
    const map = new PerfMap(path);
    map.refresh();
    writeFileSync(path, '3000 10 other\n');
    expect(map.refresh()).toBeNull();
    expect([map.find(0x1000), map.find(0x3000)?.name]).toEqual([null, 'other']);
  });

  it('follows no link and reads no device', () => {
    symlinkSync('/etc/passwd', join(folder, 'link.map'));
    expect(new PerfMap(join(folder, 'link.map')).refresh()).toBe('ELOOP');
    expect(new PerfMap('/dev/zero').refresh()).toBe('EINVAL');
  });

  it('survives any bytes cut anywhere', () => {
    const good =
      '7f00 10 a b\n0x7f20 0x10 c\nffffffffffffffff ffffffffffffffff max\n1fffffffffffff 0 m\n';
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 10 }),
        fc.integer({ min: 1, max: 40 }),
        (edits, cut) => {
          const bytes = Buffer.from(good);
          for (const [at, value] of edits) bytes[at] = value;
          const whole = mapOf(bytes.toString('latin1'));
          const pieces = new PerfMap('unused');
          const text = Buffer.from(bytes.toString('latin1'));
          for (let at = 0; at < text.length; at += cut) pieces.add(text.subarray(at, at + cut));
          expect([pieces.length, pieces.malformed]).toEqual([whole.length, whole.malformed]);
          expect(pieces.find(0x7f04)).toEqual(whole.find(0x7f04));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('reads 100,000 entries in less than seconds', () => {
    let text = '';
    for (let i = 0; i < 100_000; i++)
      text += `${(0x10000 + ((i * 7919) % 100_000) * 64).toString(16)} 50 f${i}\n`;
    const started = performance.now();
    const map = mapOf(text);
    map.find(0x10000);
    const elapsed = performance.now() - started;
    process.stdout.write(`perf map: 100000 entries in ${elapsed.toFixed(0)} ms\n`);
    expect(map.length).toBe(100_000);
    expect(elapsed).toBeLessThan(5000);
  });
});

describe('ProcessPerfMap', () => {
  it('finds the map of a live process in /tmp, but not one older than the process', async () => {
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
    const pid = child.pid!;
    const path = `/tmp/perf-${pid}.map`;
    try {
      writeFileSync(path, '1000 10 JS:*hot\n');
      const map = new ProcessPerfMap(pid);
      expect(map.refresh()).toBe(true);
      expect(map.find(0x1008)?.name).toBe('JS:*hot');
      utimesSync(path, 1000, 1000);
      expect(new ProcessPerfMap(pid).refresh()).toBe(false);
    } finally {
      rmSync(path, { force: true });
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
  });

  it('names the code of a running Node.js that writes a map', async () => {
    const script =
      'function hotLoop(n) { let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s; } for (let i = 0; i < 2000; i++) hotLoop(1000); console.log("ready"); setTimeout(() => {}, 60000)';
    const child = spawn(process.execPath, ['--perf-basic-prof', '-e', script], { cwd: folder });
    const pid = child.pid!;
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const map = new ProcessPerfMap(pid);
      expect(map.refresh()).toBe(true);
      const text = new PerfMap(`/tmp/perf-${pid}.map`);
      text.refresh();
      expect(text.length).toBeGreaterThan(50);
      expect(text.malformed).toBe(0);
    } finally {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
      rmSync(`/tmp/perf-${pid}.map`, { force: true });
    }
  });
});
