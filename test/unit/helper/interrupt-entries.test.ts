import { describe, expect, it } from 'vitest';
import { findInterruptEntries } from '../../../main/helper/instruments/interrupt-entries.ts';

const SYMBOLS = `ffffffff81000000 T _text
ffffffff81000c60 T asm_exc_page_fault
ffffffff81000d40 T asm_common_interrupt
ffffffff81000df0 T asm_sysvec_apic_timer_interrupt
ffffffff81000f70 t common_interrupt_return
ffffffff81000f70 T __irqentry_text_end
ffffffffc0000000 t asm_common_interrupt_of_a_module\t[fake]
`;
const UNKNOWN = { start: 0n, end: 0n };

describe('findInterruptEntries', () => {
  it('finds where interrupts enter, without the exceptions before them', () => {
    expect(findInterruptEntries(SYMBOLS)).toEqual({
      start: 0xffff_ffff_8100_0d40n,
      end: 0xffff_ffff_8100_0f70n,
    });
  });

  it.each([
    ['hidden addresses', SYMBOLS.replaceAll(/^[0-9a-f]{16}/gm, '0000000000000000')],
    ['a missing end', SYMBOLS.replace('__irqentry_text_end', 'another')],
    ['an end before the start', SYMBOLS.replace('f70 T __irq', 'd00 T __irq')],
    ['no symbols', ''],
  ])('knows nothing with %s', (_, symbols) => {
    expect(findInterruptEntries(symbols)).toEqual(UNKNOWN);
  });
});
