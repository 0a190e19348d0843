import { ByteCursor } from './byte-cursor.ts';
import { DW_TAG } from './constants.ts';
import { DieReader } from './die-reader.ts';
import type { DwarfFile, Unit } from './dwarf-file.ts';

const MAX_DEPTH = 4096;
const MAX_ROWS = 1 << 21;
const CONTAINER_TAGS: ReadonlySet<number> = new Set([
  DW_TAG.namespace,
  DW_TAG.classType,
  DW_TAG.structureType,
  DW_TAG.unionType,
  DW_TAG.interfaceType,
  DW_TAG.module,
  DW_TAG.subprogram,
]);

/** Namespaces, types and functions of a unit that hold other entries: what qualifies the name of a function in them. */
export class UnitContainers {
  /** Offsets in the unit, ascending; each nests in `parents`. */
  private readonly starts: Uint32Array;
  private readonly ends: Uint32Array;
  private readonly parents: Int32Array;
  private readonly base: number;

  private constructor(base: number, columns: ContainerColumns) {
    this.base = base;
    this.starts = new Uint32Array(columns.starts);
    this.ends = new Uint32Array(columns.ends);
    this.parents = new Int32Array(columns.parents);
  }

  /** Of a unit that cannot be read there are none. */
  static read(file: DwarfFile, unit: Unit): UnitContainers {
    const bytes = file.sections.info?.bytes(unit.firstEntry, unit.end - unit.firstEntry) ?? null;
    const columns: ContainerColumns = { starts: [], ends: [], parents: [] };
    if (bytes !== null) collect(file, unit, { bytes, columns });
    return new UnitContainers(unit.firstEntry, columns);
  }

  /** Memory kept, bytes. */
  get bytes(): number {
    return this.starts.length * 12 + 100;
  }

  /** Offset in .debug_info of the innermost container around the entry at an offset; -1: none. */
  around(offset: number): number {
    const at = offset - this.base;
    let low = 0;
    let high = this.starts.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle]! < at) low = middle + 1;
      else high = middle - 1;
    }
    while (high >= 0 && this.ends[high]! <= at) high = this.parents[high]!;
    return high < 0 ? -1 : this.starts[high]! + this.base;
  }
}

interface ContainerColumns {
  readonly starts: number[];
  readonly ends: number[];
  readonly parents: number[];
}

function collect(
  file: DwarfFile,
  unit: Unit,
  { bytes, columns }: { bytes: Buffer; columns: ContainerColumns },
): void {
  const { starts, ends, parents } = columns;
  const table = file.abbreviationsOf(unit);
  const cursor = new ByteCursor(bytes);
  const reader = new DieReader(cursor, unit, unit.firstEntry);
  /** Per open entry its container row; -1: it is none. */
  const open: number[] = [];
  /** Containers among them. */
  const around: number[] = [];
  while (cursor.at < cursor.end && open.length < MAX_DEPTH && starts.length < MAX_ROWS) {
    const at = cursor.at;
    const code = cursor.uleb();
    if (code === 0) {
      const closed = open.pop() ?? -1;
      if (closed >= 0) {
        ends[closed] = at;
        around.pop();
      }
      if (open.length === 0) return;
      continue;
    }
    const abbreviation = table.get(code);
    if (abbreviation === undefined) return;
    reader.skip(abbreviation);
    if (cursor.hasFailed()) return;
    if (!abbreviation.hasChildren) continue;
    const isContainer = CONTAINER_TAGS.has(abbreviation.tag);
    open.push(isContainer ? starts.length : -1);
    if (!isContainer) continue;
    parents.push(around.at(-1) ?? -1);
    around.push(starts.length);
    starts.push(at);
    // Until its end is met, it holds all that follows.
    ends.push(cursor.end);
  }
}
