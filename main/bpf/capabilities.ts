import { readdirSync, readFileSync } from 'node:fs';
import { invariant } from '#shared/invariant.ts';
import { errno, errnoName } from '../ffi/koffi.ts';
import { libc } from '../ffi/libc.ts';

/** Bit numbers of the capabilities we speak of: include/uapi/linux/capability.h. */
export const CAPABILITY_BITS = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
  CAP_CHECKPOINT_RESTORE: 40,
} as const;
export type Capability = keyof typeof CAPABILITY_BITS;

const VERSION_3 = 0x2008_0522;
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const RLIMIT_CORE = 4;

/** Sets of one thread, as bit masks. */
export interface CapabilitySets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

export const maskOf = (names: readonly Capability[]): bigint =>
  names.reduce((mask, name) => mask | (1n << BigInt(CAPABILITY_BITS[name])), 0n);

/** The names we know in a mask. */
export const namesIn = (mask: bigint): Capability[] =>
  (Object.keys(CAPABILITY_BITS) as Capability[]).filter((name) => (mask & maskOf([name])) !== 0n);

const capabilityHeader = (): Uint8Array => {
  const header = new Uint8Array(8);
  new DataView(header.buffer).setUint32(0, VERSION_3, true);
  return header;
};

/** The calling thread's sets. */
export function readCapabilities(): CapabilitySets {
  const data = new Uint8Array(24);
  const failed = libc().capget(capabilityHeader(), data);
  invariant(failed === 0, `capget: ${errnoName(errno())}`);
  const view = new DataView(data.buffer);
  const set = (offset: number): bigint =>
    (BigInt(view.getUint32(offset + 12, true)) << 32n) | BigInt(view.getUint32(offset, true));
  return { effective: set(0), permitted: set(4), inheritable: set(8) };
}

/** Sets the calling thread's sets. Throws if the kernel refuses: going on would be worse. */
export function writeCapabilities(sets: CapabilitySets): void {
  const data = new Uint8Array(24);
  const view = new DataView(data.buffer);
  [sets.effective, sets.permitted, sets.inheritable].forEach((set, index) => {
    view.setUint32(index * 4, Number(set & 0xffff_ffffn), true);
    view.setUint32(index * 4 + 12, Number(set >> 32n), true);
  });
  const failed = libc().capset(capabilityHeader(), data);
  invariant(failed === 0, `capset: ${errnoName(errno())}`);
}

/**
 * Reduces the calling thread to `keep`, of which `inherit` passes through exec (the inheritable and
 * ambient sets).
 */
export function limitCapabilities(keep: bigint, inherit: bigint): void {
  libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  writeCapabilities({ effective: keep, permitted: keep, inheritable: inherit });
  for (let bit = 0; bit < 64; bit++) {
    if ((inherit & (1n << BigInt(bit))) === 0n) continue;
    const refused = libc().prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0);
    invariant(refused === 0, `prctl(PR_CAP_AMBIENT_RAISE, ${bit}): ${errnoName(errno())}`);
  }
}

/** No gain of privilege by any later exec; outlives exec itself. */
export function forbidNewPrivileges(): void {
  const failed = libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  invariant(failed === 0, `prctl(PR_SET_NO_NEW_PRIVS): ${errnoName(errno())}`);
}

/** No core dump, no ptrace and no reading of our memory by the user's other programs. */
export function forbidInspection(): void {
  libc().setrlimit(RLIMIT_CORE, new Uint8Array(16));
  const failed = libc().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  invariant(failed === 0, `prctl(PR_SET_DUMPABLE): ${errnoName(errno())}`);
}

/** The union of the permitted sets of all threads of this process; /proc/self/task/N/status. */
export function permittedOfAllThreads(): bigint {
  let union = 0n;
  for (const tid of readdirSync('/proc/self/task')) {
    const status = readFileSync(`/proc/self/task/${tid}/status`, 'utf8');
    union |= BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  }
  return union;
}
