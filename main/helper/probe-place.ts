import type { Result } from '#shared/result.ts';
import type { ByteSource } from '../elf/byte-source.ts';
import { ElfFile, segmentAtOffset } from '../elf/elf-file.ts';
import { hasFunctionAt } from '../elf/function-starts.ts';
import { type SdtProbe, sdtProbesOf } from '../elf/sdt-notes.ts';
import { buildUnwindTable } from '../unwind/build-table.ts';
import { FunctionBounds } from '../unwind/function-bounds.ts';
import { hasReturnAddressOnTop } from '../unwind/return-address.ts';
import type { UnwindTable } from '../unwind/unwind-table.ts';

/** What the request says of a place in user code. */
export interface WantedPlace {
  readonly path: string;
  readonly offset: number;
  /** Absent: it is the beginning of a function. 0: of a USDT probe without a counter. */
  readonly semaphoreOffset?: number;
}

const FOREIGN = 'and the file is not yours';

/**
 * Where a file can be probed without disturbing the programs that run it, as far as the file says. An entry is
 * probed where a function begins or a USDT probe stands: there an instruction begins. A probe at the return
 * replaces what is on top of the stack at the entry, which has to be the return address: it is not where a
 * program begins, in the cold part of a function, nor for Go, whose runtime looks for its own addresses.
 *
 * What a question needs of the file is read at the first: large programs take a second.
 */
export class ProbePlaces {
  readonly #elf: Result<ElfFile, string>;
  #probes: readonly SdtProbe[] | undefined;
  #bounds: FunctionBounds | null | undefined;
  #table: UnwindTable | null | undefined;

  /** `source` must outlive it. */
  constructor(source: ByteSource) {
    this.#elf = ElfFile.parse(source);
  }

  /** Why a probe would disturb; null: it would not. `isReturn`: returns are to be probed, too. */
  problemOf({ offset, semaphoreOffset }: WantedPlace, isReturn: boolean): string | null {
    if (!this.#elf.ok) return `it is no program or library (${this.#elf.error})`;
    const elf = this.#elf.value;
    if (semaphoreOffset !== undefined) {
      this.#probes ??= sdtProbesOf(elf);
      const isKnown = this.#probes.some(
        (probe) => probe.offset === offset && probe.semaphoreOffset === semaphoreOffset,
      );
      return isKnown ? null : `the file has no USDT probe there, ${FOREIGN}`;
    }
    const vaddr = addressOf(elf, offset);
    if (vaddr === null || !this.#beginsFunction(elf, vaddr)) {
      return `no function begins there as far as the file says, ${FOREIGN}`;
    }
    if (!isReturn) return null;
    if (isGo(elf)) return `returns of Go functions cannot be probed, ${FOREIGN}`;
    return this.#returns(elf, vaddr)
      ? null
      : `the file does not say that a call of this function returns, ${FOREIGN}`;
  }

  #beginsFunction(elf: ElfFile, vaddr: number): boolean {
    if (hasFunctionAt(elf, vaddr)) return true;
    if (this.#bounds === undefined) this.#bounds = FunctionBounds.of(elf);
    return this.#bounds?.startOf(vaddr) === vaddr;
  }

  #returns(elf: ElfFile, vaddr: number): boolean {
    if (this.#table === undefined) {
      const built = buildUnwindTable(elf);
      this.#table = built.ok ? built.value : null;
    }
    return this.#table !== null && hasReturnAddressOnTop(this.#table, vaddr);
  }
}

function addressOf(elf: ElfFile, offset: number): number | null {
  const segment = segmentAtOffset(elf.segments, offset);
  return segment === null ? null : offset - segment.offset + segment.vaddr;
}

const isGo = (elf: ElfFile): boolean =>
  elf.sections.some(({ name }) => /^\.(go\.buildinfo|note\.go\.buildid|gopclntab)$/.test(name));
