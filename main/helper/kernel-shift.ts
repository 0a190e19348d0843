import { randomInt } from 'node:crypto';
import { FRAME_HEADER_BYTES } from '../capture/wire/frame-layout.ts';
import { STACK_SAMPLE } from '../capture/wire/records.ts';

/**
 * Where the kernel lies in memory is kept from users who may record their own processes alone, as
 * kernel.kptr_restrict keeps it (Documentation/admin-guide/sysctl/kernel.rst): all kernel addresses of their
 * recordings, in stacks and in the table of symbols, are moved by one number that this process alone
 * knows. Names and distances stay what they are.
 */

/** Addresses stay far up in the kernel's half, and at the same place within their page. */
const PAGE_BYTES = 4096;
const MAX_PAGES = 2 ** 28;
const TWO_TO_32 = 2 ** 32;
const { fields, size } = STACK_SAMPLE;

/** Bytes that addresses are moved down by: of 2^28 equally likely ones. */
export const drawKernelShift = (): number => randomInt(1, MAX_PAGES) * PAGE_BYTES;

/** Moves the kernel's addresses in the samples of a `data` frame. */
export function moveKernelFrames(frame: Uint8Array, shift: number): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  for (let at = FRAME_HEADER_BYTES; at < frame.length; ) {
    const kernel = view.getUint16(at + fields.kernel_frames, true);
    const user = view.getUint16(at + fields.user_frames, true);
    for (let frameAt = 0; frameAt < kernel; frameAt++)
      moveWord(view, at + size + 8 * frameAt, shift);
    at += size + 8 * (kernel + user) + view.getUint16(at + fields.payload, true);
  }
}

function moveWord(view: DataView, at: number, shift: number): void {
  const low = view.getUint32(at, true) - (shift % TWO_TO_32);
  const borrow = low < 0 ? 1 : 0;
  const high = view.getUint32(at + 4, true) - Math.floor(shift / TWO_TO_32) - borrow;
  view.setUint32(at, low, true);
  view.setUint32(at + 4, high, true);
}

/** Moves the addresses that lines of /proc/kallsyms begin with, 16 hexadecimal digits each. */
export const moveSymbols = (lines: string, shift: number): string =>
  lines.replaceAll(/^[0-9a-f]{16}(?= )/gm, (address) =>
    BigInt.asUintN(64, BigInt(`0x${address}`) - BigInt(shift))
      .toString(16)
      .padStart(16, '0'),
  );
