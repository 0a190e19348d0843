import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findUserFunction, readSdtProbes } from '../../../main/symbolize/user-function.ts';

const SOURCE = `
#define PROBE(name, arguments) asm volatile( \\
  "990: nop\\n" \\
  ".pushsection .note.stapsdt,\\"\\",\\"note\\"\\n.balign 4\\n" \\
  ".4byte 992f-991f, 994f-993f, 3\\n991: .asciz \\"stapsdt\\"\\n992: .balign 4\\n" \\
  "993: .8byte 990b\\n.8byte _.stapsdt.base\\n.8byte switch_on\\n" \\
  ".asciz \\"shop\\"\\n.asciz \\"" name "\\"\\n.asciz \\"" arguments "\\"\\n994: .balign 4\\n.popsection\\n" \\
  ".ifndef _.stapsdt.base\\n.pushsection .stapsdt.base,\\"aG\\",\\"progbits\\",.stapsdt.base,comdat\\n" \\
  ".weak _.stapsdt.base\\n.hidden _.stapsdt.base\\n_.stapsdt.base: .space 1\\n.popsection\\n.endif")
extern "C" { unsigned short switch_on __attribute__((section(".probes"))); }
namespace shop {
struct Desk { __attribute__((noinline)) int fold(int n) { PROBE("fold_begin", "-4@%esi"); return n * 3; } };
__attribute__((noinline)) int press(long n) { return (int)n; }
__attribute__((noinline)) int press(char n) { return n; }
}
extern "C" __attribute__((noinline)) int plain_function(int n) { PROBE("plain", ""); return n; }
int main(int argc, char **) {
  shop::Desk desk;
  return desk.fold(argc) + shop::press((long)argc) + shop::press((char)argc) + plain_function(1);
}
`;

let folder = '';
let program = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ember-function-'));
  program = join(folder, 'shop');
  writeFileSync(`${program}.cpp`, SOURCE);
  execFileSync('gcc', ['-O1', '-o', program, `${program}.cpp`]);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What nm says; the code of a small program stands in the file where it is mapped. */
function addressOf(name: string): number {
  const listed = execFileSync('nm', ['-C', program], { encoding: 'utf8' });
  const line = listed.split('\n').find((text) => text.endsWith(` ${name}`));
  return Number.parseInt(line ?? '', 16);
}

describe('findUserFunction', () => {
  it('finds a function by the name the file has', () => {
    const found = findUserFunction(program, 'plain_function');
    expect(found).toEqual({ ok: true, value: addressOf('plain_function') });
    expect(findUserFunction(program, '_ZN4shop4Desk4foldEi')).toMatchObject({ ok: true });
  });

  it('finds it by the name people read, with and without parameters', () => {
    const value = addressOf('shop::Desk::fold(int)');
    expect(findUserFunction(program, 'shop::Desk::fold')).toEqual({ ok: true, value });
    expect(findUserFunction(program, 'shop::Desk::fold(int)')).toEqual({ ok: true, value });
  });

  it('asks which of several is meant', () => {
    const refused = findUserFunction(program, 'shop::press');
    const reason = expect.stringMatching(/2 functions of this name.*\+0x.*, \+0x/);
    expect(refused).toMatchObject({ ok: false, error: { kind: 'probe-unsupported', reason } });
    const value = addressOf('shop::press(char)');
    expect(findUserFunction(program, 'shop::press(char)')).toEqual({ ok: true, value });
    const place = `+0x${value.toString(16)}`;
    expect(findUserFunction(program, place)).toEqual({ ok: true, value });
  });

  it.each(['plain_funktion', 'PLAIN_FUNCTION', 'plain_functio'])(
    'proposes names for %s',
    (name) => {
      const refused = findUserFunction(program, name);
      expect(refused).toMatchObject({
        error: { kind: 'probe-not-found', similar: ['plain_function'] },
      });
    },
  );

  it.each(['+0x0', '+0xffffffff', '+0xzz', '+0x'])(
    'refuses %s, where there is no code',
    (offset) => {
      expect(findUserFunction(program, offset)).toMatchObject({
        error: { kind: 'probe-unsupported' },
      });
    },
  );

  it('refuses Go programs, which returns from functions would crash', () => {
    const go = join(folder, 'go');
    const note = join(folder, 'note');
    writeFileSync(note, 'go');
    execFileSync('objcopy', ['--add-section', `.go.buildinfo=${note}`, program, go]);
    const reason = expect.stringContaining('Go program');
    expect(findUserFunction(go, 'main')).toMatchObject({
      error: { kind: 'probe-unsupported', reason },
    });
  });
});

describe('readSdtProbes', () => {
  it('lists provider, name, arguments and places in the file', () => {
    const read = readSdtProbes(program);
    const found = read.ok ? read.value : [];
    expect(found.map(({ provider, name, arguments: fields }) => [provider, name, fields])).toEqual(
      expect.arrayContaining([
        ['shop', 'fold_begin', '-4@%esi'],
        ['shop', 'plain', ''],
      ]),
    );
    const plain = found.find(({ name }) => name === 'plain');
    const start = addressOf('plain_function');
    expect(plain?.offset).toBeGreaterThanOrEqual(start);
    expect(plain?.offset).toBeLessThan(start + 32);
    const sections = execFileSync('readelf', ['-SW', program], { encoding: 'utf8' });
    const section = /\.probes\s+\S+\s+[0-9a-f]+ ([0-9a-f]+)/.exec(sections)?.[1] ?? '';
    expect(plain?.semaphoreOffset).toBe(Number.parseInt(section, 16));
  });

  it('finds none in a program without', () => {
    expect(readSdtProbes('/bin/true')).toEqual({ ok: true, value: [] });
  });
});
