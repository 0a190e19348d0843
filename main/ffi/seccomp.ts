import { errno, errnoName, koffi } from './koffi.ts';
import { libc } from './libc.ts';
import { SYSTEM_CALLS, type SystemCall } from './system-calls.ts';

/** What becomes of a call: include/uapi/linux/seccomp.h. */
const RET_KILL_PROCESS = 0x8000_0000;
const RET_ERRNO = 0x0005_0000;
const RET_ALLOW = 0x7fff_0000;
const SET_MODE_FILTER = 1;
/** All threads of the process at once, those of the runtime too; or none. Linux 3.17. */
const FILTER_FLAG_TSYNC = 1;
/** What is refused goes to the kernel's log as well. Linux 4.14. */
const FILTER_FLAG_LOG = 2;

/** Classic BPF: include/uapi/linux/bpf_common.h. */
const LOAD_WORD = 0x20;
const AND = 0x54;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const RETURN = 0x06;
/** struct sock_filter: u16 code, u8 jump if true, u8 jump if false, u32 operand. */
const INSTRUCTION_BYTES = 8;
/** struct seccomp_data: s32 nr, u32 arch, u64 instruction_pointer, u64 args[6]. */
const NUMBER_AT = 0;
const ARCH_AT = 4;
const ARGUMENTS_AT = 16;

/** Per machine: AUDIT_ARCH_* of include/uapi/linux/audit.h, seccomp(2)'s number, the table's column. */
const MACHINES = {
  x64: { audit: 0xc000_003e, seccomp: 317, column: 0 },
  arm64: { audit: 0xc000_00b7, seccomp: 277, column: 1 },
} as const;
/** Numbers from here on are the x32 ABI: other calls under the same architecture. */
const X32_BIT = 0x4000_0000;

/** A test of one argument; the low word of an int argument is all the kernel looks at. */
export interface ArgumentTest {
  /** From 0 on. */
  readonly argument: number;
  readonly half: 'low' | 'high';
  /** Bits that count; default: all. */
  readonly mask?: number;
  /** What they may be. */
  readonly oneOf: readonly number[];
}

/** Default of a filter: what no rule names is refused with EPERM, or left to the other filters. */
export type Unnamed = 'refused' | 'allowed';

/** allow, kill the process, fail with an errno value, or allow if every test holds (else EPERM). */
export type CallRule = 'allow' | 'kill' | { readonly errno: number } | readonly ArgumentTest[];

const EPERM = 1;

/** [code, operand, jump if true, jump if false]; jumps count the instructions skipped. */
type Instruction = readonly [code: number, operand: number, yes: number, no: number];

const plain = (code: number, operand: number): Instruction => [code, operand, 0, 0];
const refusal = (value: number): Instruction => plain(RETURN, RET_ERRNO | value);

/** Ends in a return, whichever way the tests go. */
function blockOf(rule: CallRule): Instruction[] {
  if (rule === 'allow') return [plain(RETURN, RET_ALLOW)];
  if (rule === 'kill') return [plain(RETURN, RET_KILL_PROCESS)];
  if ('errno' in rule) return [refusal(rule.errno)];
  const block: Instruction[] = [];
  for (const { argument, half, mask, oneOf } of rule) {
    // Both of our machines are little endian.
    block.push(plain(LOAD_WORD, ARGUMENTS_AT + argument * 8 + (half === 'high' ? 4 : 0)));
    if (mask !== undefined) block.push(plain(AND, mask >>> 0));
    // A match jumps over the other values and the refusal behind them.
    oneOf.forEach((value, index) =>
      block.push([JUMP_IF_EQUAL, value >>> 0, oneOf.length - index, 0]),
    );
    block.push(refusal(EPERM));
  }
  block.push(plain(RETURN, RET_ALLOW));
  return block;
}

/** The program for the rules' calls that this machine has; null: we do not know this machine. */
export function filterProgram(
  rules: ReadonlyMap<SystemCall, CallRule>,
  unnamed: Unnamed,
  arch: string = process.arch,
): Uint8Array | null {
  if (arch !== 'x64' && arch !== 'arm64') return null;
  const { audit, column } = MACHINES[arch];
  const program: Instruction[] = [
    plain(LOAD_WORD, ARCH_AT),
    [JUMP_IF_EQUAL, audit, 1, 0],
    plain(RETURN, RET_KILL_PROCESS),
    plain(LOAD_WORD, NUMBER_AT),
  ];
  if (arch === 'x64') {
    program.push([JUMP_IF_AT_LEAST, X32_BIT, 0, 1], plain(RETURN, RET_KILL_PROCESS));
  }
  for (const [name, rule] of rules) {
    const number = SYSTEM_CALLS[name][column];
    if (number === null) continue;
    const block = blockOf(rule);
    program.push([JUMP_IF_EQUAL, number, 0, block.length], ...block);
  }
  program.push(unnamed === 'refused' ? refusal(EPERM) : plain(RETURN, RET_ALLOW));
  return encode(program);
}

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, operand, yes, no]] of program.entries()) {
    const at = index * INSTRUCTION_BYTES;
    view.setUint16(at, code, true);
    view.setUint8(at + 2, yes);
    view.setUint8(at + 3, no);
    view.setUint32(at + 4, operand >>> 0, true);
  }
  return bytes;
}

/**
 * Puts every thread of this process under the filter for good: seccomp(2). It needs no_new_privs.
 * With several filters the strictest answer counts, of equal ones the latest. `isLogged`: what it refuses
 * goes to the kernel's log. null: done; else the errno name, or the id of a thread that could not be put under it.
 */
export function installFilter(filter: Uint8Array, isLogged: boolean): string | null {
  const machine = process.arch === 'x64' || process.arch === 'arm64' ? process.arch : null;
  if (machine === null) return 'ENOSYS';
  const seccomp = koffi()
    .load(null)
    .func(
      'long syscall(long number, unsigned int operation, unsigned int flags, void *program)',
    ) as unknown as (number: number, operation: number, flags: number, program: bigint) => number;
  // struct sock_fprog (u16 count, then the address) and behind it the instructions.
  const header = 16;
  const memory = koffi().alloc('char', header + filter.length) as bigint;
  try {
    const fields = new Uint8Array(header);
    const view = new DataView(fields.buffer);
    view.setUint16(0, filter.length / INSTRUCTION_BYTES, true);
    view.setBigUint64(8, memory + BigInt(header), true);
    libc().memcpy(memory, fields, header);
    libc().memcpy(memory + BigInt(header), filter, filter.length);
    const number = MACHINES[machine].seccomp;
    const flags = FILTER_FLAG_TSYNC | (isLogged ? FILTER_FLAG_LOG : 0);
    const result = seccomp(number, SET_MODE_FILTER, flags, memory);
    if (result === 0) return null;
    return result > 0 ? `thread ${result}` : errnoName(errno());
  } finally {
    koffi().free(memory);
  }
}
