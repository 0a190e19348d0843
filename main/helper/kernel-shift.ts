import { randomInt } from 'node:crypto';
import { FRAME_HEADER_BYTES } from '../capture/wire/frame-layout.ts';
import { STACK_SAMPLE } from '../capture/wire/records.ts';

/**
 * Where the kernel lies in memory is kept from users who may record their own processes alone, as
 * kernel.kptr_restrict keeps it (Documentation/admin-guide/sysctl/kernel.rst): all kernel addresses of their
 * recordings, in stacks and in the table of symbols, are moved by numbers that this process alone knows.
 * Names stay what they are. The kernel's image and the area of modules have a number each: modules begin close to
 * a fixed address (arch/x86/include/asm/pgtable_64_types.h), which would tell where the image is.
 */
export interface KernelShift {
  /** Bytes that addresses of the image are moved down by. */
  readonly image: number;
  /** The same of all others: modules, BPF programs, trampolines. */
  readonly others: number;
}

/** Addresses stay far up in the kernel's half, and at the same place within their page. */
const PAGE_BYTES = 4096;
const PAGES = 2 ** 28;
const TWO_TO_32 = 2 ** 32;
/** The image is here on x86-64, wherever in it; the rest of the 2 GiB is for modules. Lower halves of addresses. */
const IMAGE = { high: 0xffff_ffff, from: 0x8000_0000, end: 0xc000_0000 } as const;
const { fields, size } = STACK_SAMPLE;

/** Of 2^28 equally likely numbers each; the image goes below all others, so that none meet. */
export const drawKernelShift = (): KernelShift => ({
  image: (PAGES + TWO_TO_32 / PAGE_BYTES + randomInt(1, PAGES)) * PAGE_BYTES,
  others: randomInt(1, PAGES) * PAGE_BYTES,
});

const shiftOf = (high: number, low: number, { image, others }: KernelShift): number =>
  high === IMAGE.high && low >= IMAGE.from && low < IMAGE.end ? image : others;

/** Moves the kernel's addresses in the samples of a `data` frame. */
export function moveKernelFrames(frame: Uint8Array, shift: KernelShift): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  for (let at = FRAME_HEADER_BYTES; at < frame.length; ) {
    const kernel = view.getUint16(at + fields.kernel_frames, true);
    const user = view.getUint16(at + fields.user_frames, true);
    for (let index = 0; index < kernel; index++) moveWord(view, at + size + 8 * index, shift);
    at += size + 8 * (kernel + user) + view.getUint16(at + fields.payload, true);
  }
}

function moveWord(view: DataView, at: number, shift: KernelShift): void {
  const [low, high] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
  const bytes = shiftOf(high, low, shift);
  const moved = low - (bytes % TWO_TO_32);
  const borrow = moved < 0 ? 1 : 0;
  view.setUint32(at, moved, true);
  view.setUint32(at + 4, high - Math.floor(bytes / TWO_TO_32) - borrow, true);
}

/** Moves the addresses that lines of /proc/kallsyms begin with, 16 hexadecimal digits each. */
export const moveSymbols = (lines: string, shift: KernelShift): string =>
  lines.replaceAll(/^([0-9a-f]{8})([0-9a-f]{8})(?= )/gm, (address, high: string, low: string) => {
    const bytes = shiftOf(Number.parseInt(high, 16), Number.parseInt(low, 16), shift);
    const moved = BigInt.asUintN(64, BigInt(`0x${address}`) - BigInt(bytes));
    return moved.toString(16).padStart(16, '0');
  });

/** Text that the kernel wrote, such as the verifier's log, without what looks like an address of it. */
export const withoutKernelAddresses = (text: string): string =>
  text.replaceAll(/\b(?:0x)?ffff[0-9a-f]{12}\b/gi, '(kernel address)');
