import { lastAtOrBelow } from './ascending.ts';
import { X86_64_RSP } from './known-rules.ts';
import { CFA_KINDS, RA_KINDS, type UnwindTable } from './unwind-table.ts';

/** Of a return address, bytes. */
const WORD_BYTES = 8;

/**
 * Whether at an address of x86-64 code the stack pointer stands at the return address, as it does on entry to any
 * function that is called: psABI 3.2.2, "The Stack Frame".
 */
export function hasReturnAddressOnTop(table: UnwindTable, vaddr: number): boolean {
  const rule =
    table.rules[table.ruleIndexes[lastAtOrBelow(table.addresses, vaddr - table.base)] ?? 0];
  return (
    rule !== undefined &&
    rule.cfaKind === CFA_KINDS.register &&
    rule.cfaRegister === X86_64_RSP &&
    rule.cfaOffset === WORD_BYTES &&
    rule.raKind === RA_KINDS.atCfa &&
    rule.raOffset === -WORD_BYTES
  );
}
