import { err, ok, type Result } from '#shared/result.ts';
import { errno, errnoName, koffi } from '../ffi/koffi.ts';
import { bpfNumber, libc } from '../ffi/libc.ts';
import type { ProbePoint, UserPlace } from './probe-event.ts';

/** enum bpf_attach_type: what programs have to be loaded for. */
export const BPF_TRACE_UPROBE_MULTI = 48;
/** enum bpf_cmd */
const BPF_LINK_CREATE = 28;
/** BPF_F_UPROBE_MULTI_RETURN */
const AT_RETURN = 1;
/** union bpf_attr, link_create: include/uapi/linux/bpf.h. */
const ATTR_BYTES = 64;
const ATTR = { program: 0, type: 8, path: 16, offsets: 24, semaphores: 32, count: 48, flags: 52 };

/**
 * Runs `programFd`, loaded for BPF_TRACE_UPROBE_MULTI, at an instruction of a file, in every process.
 * Linux 6.6; needs no more than the program did, where a perf event for a uprobe needs CAP_SYS_ADMIN.
 * Closing the descriptor takes the probe away. Failures are errno names.
 */
export function openUserProbeLink(
  { file, offset, semaphoreOffset = 0 }: UserPlace,
  programFd: number,
  point: ProbePoint = 'entry',
): Result<number, string> {
  const number = bpfNumber();
  if (number === null) return err('ENOSYS');
  const text = Buffer.from(`${file}\0`);
  const memory = koffi().alloc('char', 16 + text.length) as bigint;
  try {
    const block = Buffer.alloc(16 + text.length);
    block.writeBigUInt64LE(BigInt(offset), 0);
    block.writeBigUInt64LE(BigInt(semaphoreOffset), 8);
    text.copy(block, 16);
    libc().memcpy(memory, block, block.length);
    const attr = Buffer.alloc(ATTR_BYTES);
    attr.writeUInt32LE(programFd, ATTR.program);
    attr.writeUInt32LE(BPF_TRACE_UPROBE_MULTI, ATTR.type);
    attr.writeBigUInt64LE(memory + 16n, ATTR.path);
    attr.writeBigUInt64LE(memory, ATTR.offsets);
    if (semaphoreOffset !== 0) attr.writeBigUInt64LE(memory + 8n, ATTR.semaphores);
    attr.writeUInt32LE(1, ATTR.count);
    attr.writeUInt32LE(point === 'return' ? AT_RETURN : 0, ATTR.flags);
    const fd = libc().bpf(number, BPF_LINK_CREATE, attr, attr.length);
    return fd < 0 ? err(errnoName(errno())) : ok(fd);
  } finally {
    koffi().free(memory);
  }
}
