import { describe, expect, it } from 'vitest';
import { parseSdtArguments } from '../../../main/elf/sdt-arguments.ts';

const NONE = { base: null, scaled: null, shift: 0, displacement: 0 };
const [RBP, RBX, R8, RAX, RCX, RSI, RDI] = [4, 5, 9, 10, 11, 13, 14];

describe('parseSdtArguments', () => {
  it.each([
    ['-4@%edi', { ...NONE, place: 'value', size: 4, isSigned: true, base: RDI }],
    [
      '8@-16(%rbp)',
      { ...NONE, place: 'memory', size: 8, isSigned: false, base: RBP, displacement: -16 },
    ],
    ['4@$-7', { ...NONE, place: 'value', size: 4, isSigned: false, displacement: -7 }],
    ['-1@%sil', { ...NONE, place: 'value', size: 1, isSigned: true, base: RSI }],
    ['1@%al', { ...NONE, place: 'value', size: 1, isSigned: false, base: RAX }],
    ['2@%r8w', { ...NONE, place: 'value', size: 2, isSigned: false, base: R8 }],
    [
      '8@(%rax,%rbx,4)',
      {
        place: 'memory',
        size: 8,
        isSigned: false,
        base: RAX,
        scaled: RBX,
        shift: 2,
        displacement: 0,
      },
    ],
    [
      '4@8(,%rcx,8)',
      {
        place: 'memory',
        size: 4,
        isSigned: false,
        base: null,
        scaled: RCX,
        shift: 3,
        displacement: 8,
      },
    ],
  ])('reads %s', (text, argument) => {
    expect(parseSdtArguments(text)).toEqual([argument]);
  });

  it.each(['8f@%xmm0', '8@counter(%rip)', '1@%ah', '8@$99999999999999999999', 'nonsense', '8@'])(
    'says of %s that it cannot be read',
    (text) => {
      expect(parseSdtArguments(text)).toEqual([null]);
    },
  );

  it('keeps the order, with gaps', () => {
    const places = parseSdtArguments('-4@%edi 8f@%xmm0  4@$7').map((one) => one?.place ?? null);
    expect(places).toEqual(['value', null, 'value']);
    expect(parseSdtArguments('')).toEqual([]);
  });
});
