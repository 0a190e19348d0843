/**
 * How to find a caller, for every address of one image: what .eh_frame says, in the form in which the
 * BPF unwinder searches it. x86-64 now; the rules hold what aarch64 needs (a return address in a
 * register) as well.
 */

/** What the CFA (canonical frame address: the stack pointer before the call) is made of. */
export const CFA_KINDS = {
  /** No unwind information here: one step by frame pointer. */
  none: 0,
  /** cfa = register + cfaOffset */
  register: 1,
  /** cfa = *(register + cfaOffset) + cfaAddend: realigned stacks, OpenSSL's assembly */
  dereference: 2,
  /** cfa = sp + 8 + ((pc & 15) >= cfaOffset ? 8 : 0): lazy-binding stubs in .plt */
  plt: 3,
  /** The frame is the kernel's signal frame: registers are in the ucontext on the stack. */
  signal: 4,
  /** Told in a way that is not supported. */
  unsupported: 5,
} as const;

/** Where the caller's frame pointer is. */
export const FP_KINDS = {
  /** Unchanged. */
  same: 0,
  /** *(cfa + fpOffset) */
  atCfa: 1,
  /** *(fp + fpOffset), fp being this frame's */
  atFp: 2,
  /** Lost. */
  undefined: 3,
} as const;

/** Where the return address is. */
export const RA_KINDS = {
  /** *(cfa + raOffset) */
  atCfa: 0,
  /** Nowhere: this is where the thread starts. */
  end: 1,
  /** In the link register, not yet saved (aarch64 leaf). */
  linkRegister: 2,
} as const;

/** One way to find the caller. Offsets in bytes, 32 bit signed. */
export interface UnwindRule {
  /** CFA_KINDS code. */
  readonly cfaKind: number;
  /** DWARF register number of the CFA's base (x86-64: 6 rbp, 7 rsp; psABI 3.38). */
  readonly cfaRegister: number;
  readonly cfaOffset: number;
  /** `dereference` only. */
  readonly cfaAddend: number;
  /** FP_KINDS code. */
  readonly fpKind: number;
  readonly fpOffset: number;
  /** RA_KINDS code. */
  readonly raKind: number;
  readonly raOffset: number;
}

/** The table of one image. Row i holds from its address up to row i+1's; the last one ends it. */
export interface UnwindTable {
  /** ELF virtual address that row addresses count from: a multiple of 65,536. */
  readonly base: number;
  /**
   * Addresses less `base`, bytes, ascending. Gaps between functions are rows of kind `none`, but not padding.
   */
  readonly addresses: Uint32Array;
  /** Per row: index into `rules`. */
  readonly ruleIndexes: Uint16Array;
  /** Distinct rules; [0] is always the rule of kind `none`. */
  readonly rules: readonly UnwindRule[];
}
