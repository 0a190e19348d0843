import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBtfFunction } from '../../../main/bpf/btf-function.ts';
import { TRACE_ARGUMENT } from '../../../main/capture/wire/records.ts';
import { parseSdtArguments } from '../../../main/elf/sdt-arguments.ts';
import { usdtFields } from '../../../main/helper/call-fields.ts';

/** The compiler's own type information stands in for the kernel's. */
const SOURCE = `
typedef unsigned long size_t;
typedef long long loff_t;
enum oven { COLD = -1, HOT = 1 };
struct pair { long a, b, c; };
struct kiln;
__attribute__((noinline)) const char *fire(struct kiln *kiln, const char *name, size_t count,
	loff_t *at, enum oven oven, unsigned char level) { return name + count + level; }
__attribute__((noinline)) void cool(struct pair pair, int after) { (void)pair; (void)after; }
`;
let folder = '';
let path = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ember-fields-'));
  const source = join(folder, 'a.c');
  writeFileSync(source, SOURCE);
  const object = join(folder, 'a.o');
  execFileSync('gcc', ['-O1', '-gbtf', '-c', source, '-o', object], {
    stdio: 'pipe',
  });
  path = join(folder, 'btf');
  execFileSync('objcopy', ['-I', 'elf64-little', '--dump-section', `.BTF=${path}`, object], {
    stdio: 'pipe',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('readBtfFunction', () => {
  it('knows the parameters and what is returned, as C declares them', () => {
    expect(readBtfFunction('fire', path)).toEqual({
      parameters: [
        { name: 'kiln', type: 'struct kiln *', size: 8, form: 'pointer' },
        { name: 'name', type: 'const char *', size: 8, form: 'text' },
        { name: 'count', type: 'size_t', size: 8, form: 'unsigned' },
        { name: 'at', type: 'loff_t *', size: 8, form: 'pointer' },
        { name: 'oven', type: 'enum oven', size: 4, form: 'signed' },
        { name: 'level', type: 'unsigned char', size: 1, form: 'unsigned' },
      ],
      returns: { type: 'const char *', size: 8, form: 'text' },
    });
    expect(readBtfFunction('cool', path)).toMatchObject({
      parameters: [
        { name: 'pair', form: 'aggregate' },
        { name: 'after', form: 'signed' },
      ],
      returns: null,
    });
  });

  it('finds nothing where there is nothing, or damage', () => {
    expect(readBtfFunction('nothing', path)).toBeNull();
    expect(readBtfFunction('fire', join(folder, 'none'))).toBeNull();
    expect(readBtfFunction('fire', join(folder, 'a.c'))).toBeNull();
  });
});

describe('usdtFields', () => {
  it('are the same at every site, though their values lie elsewhere', () => {
    const sites = ['-4@%edi 8@$1', '-4@-8(%rbp) 8@%rax'].map(parseSdtArguments);
    const [one, other] = usdtFields(sites);
    expect(one!.fields).toEqual(other!.fields);
    expect(one!.fields.map(({ name, type, form, offset }) => [name, type, form, offset])).toEqual([
      ['arg0', 'int32_t', 'signed', 0],
      ['arg1', 'uint64_t', 'hex', 8],
    ]);
    const at = TRACE_ARGUMENT.fields;
    const placesOf = (places: readonly Uint8Array[]) => places.map((bytes) => bytes[at.place]);
    expect(placesOf(one!.places)).toEqual([0, 0]);
    expect(placesOf(other!.places)).toEqual([1, 0]);
  });

  it('leave out what no site can read', () => {
    const [only] = usdtFields([parseSdtArguments('8f@%xmm0 -4@%edi')]);
    expect(only!.fields.map(({ name }) => name)).toEqual(['arg1']);
  });
});
