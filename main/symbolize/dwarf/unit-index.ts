import { type FlatRanges, findRange, flattenRanges, sortedOrder } from '../ranges.ts';
import { readAranges } from './aranges.ts';
import type { DwarfFile } from './dwarf-file.ts';
import { readRanges } from './range-lists.ts';

/** Ranges of all units; with a section per function there is one per function. */
const MAX_RANGES = 1 << 22;

/** Which unit has the code at a virtual address. */
export class UnitIndex {
  private readonly ranges: FlatRanges;

  private constructor(ranges: FlatRanges) {
    this.ranges = ranges;
  }

  /**
   * From the first entries of the units; of those without a list of ranges also from .debug_aranges,
   * because before DWARF 3 they could name only one. `isCode` as in readScopes().
   */
  static build(file: DwarfFile, isCode: (start: number, end: number) => boolean): UnitIndex {
    const starts: number[] = [];
    const ends: number[] = [];
    const owners: number[] = [];
    const add = (start: number, end: number, owner: number): void => {
      if (owners.length >= MAX_RANGES || !isCode(start, end)) return;
      starts.push(start);
      ends.push(end);
      owners.push(owner);
    };
    /** By offset: units that may have more code than they say. */
    const brief = new Map<number, number>();
    file.units.forEach((unit, at) => {
      if (!unit.root.hasCode) return;
      readRanges(file, unit, unit.root, (start, end) => add(start, end, at));
      if (unit.root.ranges.form === 0) brief.set(unit.offset, at);
    });
    readAranges(file, (offset, start, end) => {
      const owner = brief.get(offset);
      if (owner !== undefined) add(start, end, owner);
    });
    return new UnitIndex(smallestFirst(starts, ends, owners));
  }

  /** Memory kept, bytes. */
  get bytes(): number {
    return this.ranges.length * 20;
  }

  /** Index in the file's units; -1: none. */
  find(address: number): number {
    const range = findRange(this.ranges, address);
    return range < 0 ? -1 : this.ranges.item[range]!;
  }
}

/** Units do not share code; where they claim to, the one that claims least is believed. */
function smallestFirst(starts: number[], ends: number[], owners: number[]): FlatRanges {
  const start = new Float64Array(starts);
  const end = new Float64Array(ends);
  const bySize = sortedOrder(start.map((from, k) => end[k]! - from));
  const priority = new Float64Array(start.length);
  bySize.forEach((item, position) => {
    priority[item] = start.length - position;
  });
  const ranges = flattenRanges({ order: sortedOrder(start), start, end, priority });
  return { ...ranges, item: ranges.item.map((item) => owners[item]!) };
}
