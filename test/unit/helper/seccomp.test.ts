import { describe, expect, it } from 'vitest';
import { filterProgram } from '../../../main/ffi/seccomp.ts';
import { SYSTEM_CALLS, type SystemCall } from '../../../main/ffi/system-calls.ts';
import { captureRules, expectedRefusals } from '../../../main/helper/seccomp.ts';

const PID = 4711;
const MACHINES = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const;
type Arch = keyof typeof MACHINES;

/** What the kernel would do with a call: runs a classic BPF program over struct seccomp_data. */
function verdict(program: Uint8Array, data: DataView): string {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const operand = code.getUint32(at + 4, true);
    const jump = (taken: boolean): void => void (at += 8 * code.getUint8(at + (taken ? 2 : 3)));
    switch (code.getUint16(at, true)) {
      case 0x20:
        accumulator = data.getUint32(operand, true);
        break;
      case 0x54:
        accumulator = (accumulator & operand) >>> 0;
        break;
      case 0x15:
        jump(accumulator === operand);
        break;
      case 0x35:
        jump(accumulator >= operand);
        break;
      case 0x06:
        if (operand === 0x7fff_0000) return 'allow';
        if (operand === 0x8000_0000) return 'kill';
        return `errno ${operand & 0xffff}`;
      default:
        throw new Error(`no such instruction at ${at}`);
    }
  }
  throw new Error('ran off the end');
}

function callData(audit: number, number: number, args: readonly bigint[]): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, audit, true);
  args.forEach((value, index) =>
    data.setBigUint64(16 + index * 8, BigInt.asUintN(64, value), true),
  );
  return data;
}

const NUMBER_OF = { x64: 0, arm64: 1 } as const;
function answer(arch: Arch, name: SystemCall, args: readonly bigint[] = [], makesMaps = false) {
  const number = SYSTEM_CALLS[name][NUMBER_OF[arch]];
  if (number === null) throw new Error(`${name} is no call of ${arch}`);
  const program = filterProgram(captureRules(PID, makesMaps), 'refused', arch);
  return verdict(program!, callData(MACHINES[arch], number, args));
}

const O_DIRECTORY = 0o200_000n;
const O_CLOEXEC = 0o2_000_000n;
const THREAD_FLAGS = 0x3d_0f00n;

describe.each(['x64', 'arm64'] as const)('system call filter on %s', (arch) => {
  it.each(['read', 'write', 'mmap', 'futex', 'epoll_pwait', 'exit_group'] as const)(
    'allows %s whatever it is given',
    (name) => {
      expect(answer(arch, name, [-1n, -1n, -1n, -1n, -1n, -1n])).toBe('allow');
    },
  );

  it.each(['execve', 'execveat', 'ptrace', 'process_vm_readv', 'process_vm_writev'] as const)(
    'ends the process at %s',
    (name) => {
      expect(answer(arch, name)).toBe('kill');
    },
  );

  it.each([
    ['reading', 0n, 'allow'],
    ['reading a folder', O_DIRECTORY | O_CLOEXEC, 'allow'],
    ['writing', 1n, 'errno 1'],
    ['reading and writing', 2n, 'errno 1'],
    ['the access mode without a name', 3n, 'errno 1'],
    ['creating', 0o100n, 'errno 1'],
    ['truncating', 0o1000n, 'errno 1'],
    ['a file without a name', 0o20_000_000n, 'errno 1'],
  ])('lets openat do %s: %i → %s', (_, flags, expected) => {
    expect(answer(arch, 'openat', [-100n, 0x7fff_0000_0000n, flags, 0o600n])).toBe(expected);
  });

  it.each([
    ['a thread', THREAD_FLAGS, 'allow'],
    ['a process', 17n, 'errno 1'],
    ['vfork', 0x4111n, 'errno 1'],
    ['memory shared, no thread', 0x100n, 'errno 1'],
    ['a thread in a new user namespace', THREAD_FLAGS | 0x1000_0000n, 'errno 1'],
    ['a traced thread', THREAD_FLAGS | 0x2000n, 'errno 1'],
  ])('lets clone make %s: %s', (_, flags, expected) => {
    expect(answer(arch, 'clone', [flags])).toBe(expected);
  });

  it('signals its own threads only', () => {
    expect(answer(arch, 'tgkill', [BigInt(PID), 1n, 6n])).toBe('allow');
    expect(answer(arch, 'tgkill', [1n, 1n, 9n])).toBe('errno 1');
  });

  it('sets times of open files only, never by path', () => {
    expect(answer(arch, 'utimensat', [5n, 0n, 1n, 0n])).toBe('allow');
    expect(answer(arch, 'utimensat', [5n, 0x1000n, 1n, 0n])).toBe('errno 1');
    expect(answer(arch, 'utimensat', [5n, 0x7fff_0000_0000n, 1n, 0n])).toBe('errno 1');
  });

  it.each([
    [0, false, 'errno 1'],
    [0, true, 'allow'],
    [1, false, 'allow'],
    [2, false, 'allow'],
    [5, true, 'errno 1'],
    [6, true, 'errno 1'],
    [14, true, 'errno 1'],
    [17, true, 'errno 1'],
    [28, true, 'errno 1'],
    [13, true, 'errno 1'],
  ])('answers bpf command %i (makes maps: %s) with %s', (command, makesMaps, expected) => {
    expect(answer(arch, 'bpf', [BigInt(command), 0n, 0n], makesMaps)).toBe(expected);
  });

  it('answers a bit above an int as the kernel does: it is not looked at', () => {
    expect(answer(arch, 'openat', [-100n, 0n, 0x1_0000_0001n])).toBe('errno 1');
  });

  it.each([
    ['PR_SET_NAME', 15n, 'allow'],
    ['PR_SET_DUMPABLE', 4n, 'errno 1'],
    ['PR_SET_SECCOMP', 22n, 'errno 1'],
    ['PR_CAP_AMBIENT', 47n, 'errno 1'],
    ['PR_SET_MM', 35n, 'errno 1'],
  ])('answers prctl %s (%i) with %s', (_, option, expected) => {
    expect(answer(arch, 'prctl', [option])).toBe(expected);
  });

  it('ends calls of another architecture', () => {
    const program = filterProgram(captureRules(PID, false), 'refused', arch)!;
    expect(verdict(program, callData(0x4000_0003, 1, []))).toBe('kill');
  });

  it('refuses every call that no rule names', () => {
    const program = filterProgram(captureRules(PID, true), 'refused', arch)!;
    const named = new Set<number | null>(
      Object.values(SYSTEM_CALLS).map((pair) => pair[NUMBER_OF[arch]]),
    );
    for (let number = 0; number < 600; number++) {
      if (named.has(number)) continue;
      expect(verdict(program, callData(MACHINES[arch], number, []))).toBe('errno 1');
    }
  });

  it('refuses clone3 quietly, as a call this kernel does not know', () => {
    const program = filterProgram(expectedRefusals(), 'allowed', arch)!;
    const number = SYSTEM_CALLS.clone3[NUMBER_OF[arch]];
    expect(verdict(program, callData(MACHINES[arch], number, []))).toBe('errno 38');
  });
});

describe('filterProgram', () => {
  it('ends calls of the x32 ABI', () => {
    const program = filterProgram(captureRules(PID, false), 'refused', 'x64')!;
    expect(verdict(program, callData(MACHINES.x64, 0x4000_0000 + 59, []))).toBe('kill');
  });

  it('has no program for a machine whose numbers it does not know', () => {
    expect(filterProgram(captureRules(PID, false), 'refused', 'riscv64')).toBeNull();
  });

  it('stays below what the kernel takes', () => {
    const program = filterProgram(captureRules(PID, true), 'refused', 'x64')!;
    expect(program.length / 8).toBeLessThan(4096);
  });
});
