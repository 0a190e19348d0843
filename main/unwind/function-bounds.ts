import { type ElfFile, EM_X86_64 } from '../elf/elf-file.ts';
import { ehFrameSections } from './frame-sections.ts';
import { FunctionList, noUnwindCounts } from './function-list.ts';

/**
 * Where functions begin and end by .eh_frame, which stripping leaves in place. It gives code without a
 * symbol the one thing short of a name that groups its samples: the function they fell in.
 */
export class FunctionBounds {
  /** ELF virtual address that the others count from. */
  private readonly base: number;
  /** bytes from `base`, ascending; FunctionList takes none that is further than 32 bits. */
  private readonly starts: Uint32Array;
  private readonly ends: Uint32Array;

  private constructor(functions: FunctionList) {
    const { starts, ends } = functions;
    const base = functions.lowest();
    const order = functions.sorted();
    this.base = base;
    this.starts = Uint32Array.from(order, (index) => starts[index]! - base);
    this.ends = Uint32Array.from(order, (index) => ends[index]! - base);
  }

  /** null: the image says nothing about its functions. */
  static of(elf: ElfFile): FunctionBounds | null {
    if (elf.machine !== EM_X86_64 || !elf.is64) return null;
    const functions = new FunctionList(elf.segments, noUnwindCounts());
    for (const section of ehFrameSections(elf)) functions.read(section, () => true);
    if (functions.count === 0) return null;
    return new FunctionBounds(functions);
  }

  /** Functions known. */
  get length(): number {
    return this.starts.length;
  }

  /** Memory held, bytes. */
  get bytes(): number {
    return this.starts.byteLength + this.ends.byteLength;
  }

  /** Start of the function that holds the address; -1: none does. */
  startOf(vaddr: number): number {
    const offset = vaddr - this.base;
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.starts[middle]! <= offset) low = middle + 1;
      else high = middle;
    }
    return low > 0 && offset < this.ends[low - 1]! ? this.base + this.starts[low - 1]! : -1;
  }
}
