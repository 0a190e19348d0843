import { CFA_KINDS, FP_KINDS, RA_KINDS, type UnwindRule } from './unwind-table.ts';

/** DWARF register numbers of x86-64 (psABI 1.0, figure 3.36). */
export const X86_64_RBP = 6;
export const X86_64_RSP = 7;
/** The return address column. */
export const X86_64_RA = 16;

const PLAIN: UnwindRule = {
  cfaKind: CFA_KINDS.none,
  cfaRegister: 0,
  cfaOffset: 0,
  cfaAddend: 0,
  fpKind: FP_KINDS.same,
  fpOffset: 0,
  raKind: RA_KINDS.atCfa,
  raOffset: 0,
};

/** No unwind information: one step by frame pointer. */
export const NONE_RULE: UnwindRule = PLAIN;
/** There is unwind information, in a form that is not supported. */
export const UNSUPPORTED_RULE: UnwindRule = { ...PLAIN, cfaKind: CFA_KINDS.unsupported };
/** The frame below which a signal was delivered: every register is in the ucontext at rsp. */
export const SIGNAL_RULE: UnwindRule = { ...PLAIN, cfaKind: CFA_KINDS.signal };

/** Index of NONE_RULE in every table's rules. */
export const NONE_INDEX = 0;
/** Index of UNSUPPORTED_RULE in every table's rules. */
export const UNSUPPORTED_INDEX = 1;

/**
 * CPython's perf trampolines (`python -X perf`, 3.12 and later): `sub rsp, 8; call rcx; add rsp, 8; ret`,
 * copied to anonymous memory without unwind information (CPython, Python/asm_trampoline.S). It holds where
 * the stack is ever walked through one, at the call's return address: cfa = rsp + 16, rbp untouched.
 */
export const PERF_TRAMPOLINE_RULE: UnwindRule = {
  ...PLAIN,
  cfaKind: CFA_KINDS.register,
  cfaRegister: X86_64_RSP,
  cfaOffset: 16,
  raOffset: -8,
};
