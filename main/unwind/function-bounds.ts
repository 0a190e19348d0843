import { type ElfFile, EM_X86_64 } from '../elf/elf-file.ts';
import { ehFrameSections } from './frame-sections.ts';
import { FunctionList, noUnwindCounts } from './function-list.ts';

/**
 * Where functions begin and end by .eh_frame, which stripping leaves in place. It gives code without a
 * symbol the one thing short of a name that groups its samples: the function they fell in.
 */
export class FunctionBounds {
  /** ELF virtual addresses, ascending. */
  private readonly starts: Float64Array;
  private readonly ends: Float64Array;

  private constructor(starts: Float64Array, ends: Float64Array) {
    this.starts = starts;
    this.ends = ends;
  }

  /** null: the image says nothing about its functions. */
  static of(elf: ElfFile): FunctionBounds | null {
    if (elf.machine !== EM_X86_64 || !elf.is64) return null;
    const functions = new FunctionList(elf.segments, noUnwindCounts());
    for (const section of ehFrameSections(elf)) functions.read(section, () => true);
    if (functions.count === 0) return null;
    const order = functions.sorted();
    return new FunctionBounds(
      Float64Array.from(order, (index) => functions.starts[index]!),
      Float64Array.from(order, (index) => functions.ends[index]!),
    );
  }

  get length(): number {
    return this.starts.length;
  }

  /** Memory held, bytes. */
  get bytes(): number {
    return this.starts.byteLength + this.ends.byteLength;
  }

  /** Start of the function that holds the address; -1: none does. */
  startOf(vaddr: number): number {
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle]! <= vaddr) low = middle + 1;
      else high = middle;
    }
    return low > 0 && vaddr < this.ends[low - 1]! ? this.starts[low - 1]! : -1;
  }
}
