import { readFileSync } from 'node:fs';

/** Kernel text where interrupts, but no exceptions, enter: addresses; end exclusive. */
export interface InterruptEntries {
  readonly start: bigint;
  /** 0n: not known. */
  readonly end: bigint;
}

/** Names as arch/x86/include/asm/idtentry.h has them, in its order, since Linux 5.8. */
const FIRST = 'asm_common_interrupt';
const BEHIND = '__irqentry_text_end';

/** Looks the entries up in the lines of /proc/kallsyms. */
export function findInterruptEntries(symbols: string): InterruptEntries {
  const start = addressOf(symbols, FIRST);
  const end = addressOf(symbols, BEHIND);
  return start > 0n && end > start ? { start, end } : { start: 0n, end: 0n };
}

/** The running kernel's; not known where it hides addresses (sysctl kernel.kptr_restrict). */
export function readInterruptEntries(): InterruptEntries {
  try {
    return findInterruptEntries(readFileSync('/proc/kallsyms', 'latin1'));
  } catch {
    // A kernel without kallsyms: wakers go without user stacks, as sched.bpf.c says.
    return findInterruptEntries('');
  }
}

/** "ffffffff81000d40 T name"; 0n: there is none. */
function addressOf(symbols: string, name: string): bigint {
  const found = new RegExp(`^([0-9a-f]{1,16}) [tT] ${name}$`, 'm').exec(symbols);
  return found === null ? 0n : BigInt(`0x${found[1]!}`);
}
