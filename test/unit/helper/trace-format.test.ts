import { describe, expect, it } from 'vitest';
import { parseTraceFormat } from '../../../main/helper/trace-format.ts';
import { compileFilter } from '../../../main/helper/trace-program.ts';
import { readTraceFields } from '../../../main/shared/model/trace-fields.ts';

/** As /sys/kernel/tracing/events/CATEGORY/NAME/format writes it. */
const FORMAT = `name: kiln_fire
ID: 314
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;
\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;
\tfield:short heat;\toffset:28;\tsize:2;\tsigned:1;
\tfield:u8 level;\toffset:30;\tsize:1;\tsigned:0;
\tfield:unsigned long long serial;\toffset:32;\tsize:8;\tsigned:0;
\tfield:void * oven;\toffset:40;\tsize:8;\tsigned:0;
\tfield:__data_loc char[] name;\toffset:48;\tsize:4;\tsigned:0;
\tfield:u8 digest[3];\toffset:52;\tsize:3;\tsigned:0;

print fmt: "comm=%s", REC->comm
`;

const fields = parseTraceFormat(FORMAT);

describe('parseTraceFormat', () => {
  it('knows each field, what it is, and where', () => {
    expect(
      fields.map(({ name, type, offset, size, form }) => [name, type, offset, size, form]),
    ).toEqual([
      ['comm', 'char[16]', 8, 16, 'text'],
      ['pid', 'pid_t', 24, 4, 'signed'],
      ['heat', 'short', 28, 2, 'signed'],
      ['level', 'u8', 30, 1, 'unsigned'],
      ['serial', 'unsigned long long', 32, 8, 'unsigned'],
      ['oven', 'void *', 40, 8, 'hex'],
      ['name', '__data_loc char[]', 48, 4, 'dynamic'],
      ['digest', 'u8[3]', 52, 3, 'bytes'],
    ]);
  });

  it('finds nothing in other texts', () => {
    expect(parseTraceFormat('')).toEqual([]);
    expect(parseTraceFormat('field: nonsense\n\tfield:;\toffset:x;')).toEqual([]);
  });
});

describe('readTraceFields', () => {
  it('reads every form', () => {
    const record = new Uint8Array(80);
    const view = new DataView(record.buffer);
    record.set(new TextEncoder().encode('kiln'), 8);
    view.setInt32(24, -7, true);
    view.setInt16(28, -300, true);
    view.setUint8(30, 200);
    view.setBigUint64(32, 2n ** 64n - 1n, true);
    view.setBigUint64(40, 0xffff_8880_0000_1000n, true);
    view.setUint32(48, (6 << 16) | 64, true);
    record.set([1, 0xab, 0], 52);
    record.set(new TextEncoder().encode('glaze\0junk'), 64);
    expect(readTraceFields(fields, record)).toEqual([
      ...['kiln', -7, -300, 200, '18446744073709551615', '0xffff888000001000', 'glaze', '01 ab 00'],
    ]);
  });

  it('marks what lies beyond the payload', () => {
    expect(readTraceFields(fields, new Uint8Array(26))).toEqual([
      '',
      '?',
      '?',
      '?',
      '?',
      '?',
      '?',
      '?',
    ]);
    const record = new Uint8Array(56);
    new DataView(record.buffer).setUint32(48, (6 << 16) | 5000, true);
    expect(readTraceFields(fields, record)[6]).toBe('?');
  });
});

describe('compileFilter', () => {
  it('turns each comparison into a step at its field, greater into not less', () => {
    const compiled = compileFilter('pid > -3 && comm ~ "ki"', fields);
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.error));
    const steps = compiled.value.map((step) => {
      const view = new DataView(step.buffer);
      const [kind, compare, signed] = [view.getUint8(0), view.getUint8(1), view.getUint8(2)];
      return {
        kind,
        compare,
        signed,
        offset: view.getUint16(4, true),
        value: view.getBigInt64(8, true),
      };
    });
    expect(steps).toEqual([
      { kind: 0, compare: 3, signed: 1, offset: 24, value: -3n },
      { kind: 4, compare: 0, signed: 0, offset: 0, value: 0n },
      { kind: 1, compare: 2, signed: 0, offset: 8, value: 0n },
      { kind: 2, compare: 0, signed: 0, offset: 0, value: 0n },
    ]);
    expect(new TextDecoder().decode(compiled.value[2]!.subarray(16, 18))).toBe('ki');
  });

  it.each([
    ['nothing == 1', 0, /no field "nothing"; this probe has comm, pid/],
    ['pid == 1 && level == "x"', 12, /is no text/],
    ['name == "x"', 0, /lies elsewhere/],
    ['comm == 3', 0, /is no number/],
    ['comm == "seventeen bytes !"', 0, /first 16 bytes/],
    ['pid ==', 6, /expected/],
  ])('refuses %s and says where', (expression, at, reason) => {
    const compiled = compileFilter(expression, fields);
    expect(compiled).toMatchObject({ ok: false, error: { kind: 'filter-invalid', at } });
    expect(compiled.ok ? '' : 'reason' in compiled.error ? compiled.error.reason : '').toMatch(
      reason,
    );
  });
});
