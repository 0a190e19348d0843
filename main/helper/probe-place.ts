import type { ByteSource } from '../elf/byte-source.ts';
import { ElfFile, segmentAtOffset } from '../elf/elf-file.ts';
import { hasFunctionAt } from '../elf/function-starts.ts';
import { sdtProbesOf } from '../elf/sdt-notes.ts';
import { buildUnwindTable } from '../unwind/build-table.ts';
import { FunctionBounds } from '../unwind/function-bounds.ts';
import { hasReturnAddressOnTop } from '../unwind/return-address.ts';

/** What the request says of a place in user code. */
export interface WantedPlace {
  readonly path: string;
  readonly offset: number;
  /** Absent: it is the beginning of a function. 0: of a USDT probe without a counter. */
  readonly semaphoreOffset?: number;
}

const FOREIGN = 'and the file is not yours';

/**
 * Why a probe would disturb programs that run a file, as far as the file says; null: it would not. An entry is
 * probed where a function begins or a USDT probe stands: there an instruction begins. A probe at the return
 * replaces what is on top of the stack at the entry, which has to be the return address: it is not where a
 * program begins, in the cold part of a function, nor for Go, whose runtime looks for its own addresses.
 */
export function problemOfPlace(
  source: ByteSource,
  wanted: WantedPlace,
  isReturn: boolean,
): string | null {
  const parsed = ElfFile.parse(source);
  if (!parsed.ok) return `it is no program or library (${parsed.error})`;
  const elf = parsed.value;
  const { offset, semaphoreOffset } = wanted;
  if (semaphoreOffset !== undefined) {
    const isKnown = sdtProbesOf(elf).some(
      (probe) => probe.offset === offset && probe.semaphoreOffset === semaphoreOffset,
    );
    return isKnown ? null : `the file has no USDT probe there, ${FOREIGN}`;
  }
  const vaddr = addressOf(elf, offset);
  if (vaddr === null || !beginsFunction(elf, vaddr)) {
    return `no function begins there as far as the file says, ${FOREIGN}`;
  }
  if (!isReturn) return null;
  if (isGo(elf)) return `returns of Go functions cannot be probed, ${FOREIGN}`;
  const table = buildUnwindTable(elf);
  return table.ok && hasReturnAddressOnTop(table.value, vaddr)
    ? null
    : `the file does not say that a call of this function returns, ${FOREIGN}`;
}

function addressOf(elf: ElfFile, offset: number): number | null {
  const segment = segmentAtOffset(elf.segments, offset);
  return segment === null ? null : offset - segment.offset + segment.vaddr;
}

const beginsFunction = (elf: ElfFile, vaddr: number): boolean =>
  hasFunctionAt(elf, vaddr) || FunctionBounds.of(elf)?.startOf(vaddr) === vaddr;

const isGo = (elf: ElfFile): boolean =>
  elf.sections.some(({ name }) => /^\.(go\.buildinfo|note\.go\.buildid|gopclntab)$/.test(name));
