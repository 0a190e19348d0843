import { spawn } from 'node:child_process';
import {
  CFA_KINDS,
  FP_KINDS,
  RA_KINDS,
  type UnwindRule,
  type UnwindTable,
} from '../../main/unwind/unwind-table.ts';

/** What comparing a table with readelf's reading of the same file found. */
export interface FrameComparison {
  fdes: number;
  /** Rows that readelf printed for functions of the image. */
  rows: number;
  /** Not compared: the function is outside the code, or another one starts inside it. */
  skipped: number;
  /** Rows that mean the same but that our table calls unsupported. */
  unsupported: number;
  wrong: number;
  /** The first few wrong rows, in words. */
  readonly examples: string[];
}

/** readelf's names of x86-64's registers, at their DWARF numbers. */
const REGISTERS = 'rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');

/** One row of the interpreted call frame table, as text. */
interface FrameRow {
  readonly address: number;
  readonly columns: ReadonlyMap<string, string>;
}

/** A function that readelf printed, with its rows. */
interface PrintedFunction {
  readonly fde: { readonly start: number; readonly end: number };
  readonly rows: readonly FrameRow[];
  /** From .debug_frame: counts only where .eh_frame says nothing. */
  readonly isFallback: boolean;
}

const byStart = (a: PrintedFunction, b: PrintedFunction): number => a.fde.start - b.fde.start;

/** Compares every row of `table` with what `readelf --debug-dump=frames-interp` says of the file. */
export async function compareWithReadelf(
  path: string,
  table: UnwindTable,
): Promise<FrameComparison> {
  const comparer = new FrameComparer(table);
  // -wN: no links to separate debug files, whose addresses are the same but whose sections are not.
  const child = spawn('readelf', ['--debug-dump=frames-interp', '-wN', path], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  let rest = '';
  child.stdout.setEncoding('latin1');
  for await (const chunk of child.stdout as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) comparer.line(line);
  }
  comparer.line(rest);
  return comparer.finish();
}

/** Parses readelf's output line by line, and compares function by function. */
class FrameComparer {
  private readonly table: UnwindTable;
  private readonly found: FrameComparison = {
    ...{ fdes: 0, rows: 0, skipped: 0, unsupported: 0, wrong: 0 },
    examples: [],
  };
  /** Rows of each CIE: those of a function without instructions of its own. */
  private cies = new Map<string, FrameRow[]>();
  private entry: { cie: string; start: number; end: number } | null = null;
  private rows: FrameRow[] = [];
  private header: string[] = [];
  private readonly pending: PrintedFunction[] = [];
  private section = '';
  private cieName = '';

  constructor(table: UnwindTable) {
    this.table = table;
  }

  line(line: string): void {
    if (line.startsWith('Contents of the')) {
      this.endEntry();
      this.section = line.split(' ')[3] ?? '';
      this.cies = new Map();
    } else if (/^[0-9a-f]{8,} /.test(line)) {
      const entry = / (CIE|FDE) /.exec(line);
      if (entry !== null) this.beginEntry(line);
      else if (this.header.length > 0 && !line.includes('ZERO terminator'))
        this.rows.push(rowOf(line, this.header));
    } else if (line.startsWith('   LOC')) this.header = line.trim().split(/ +/);
  }

  finish(): FrameComparison {
    this.endEntry();
    // Which function starts inside which is known only now.
    const loaded = this.pending.filter(({ isFallback }) => !isFallback).sort(byStart);
    const loadedStarts = loaded.map(({ fde }) => fde.start);
    const used = this.pending.filter(({ isFallback, fde }) => {
      const below = loaded[indexAbove(loadedStarts, fde.start) - 1];
      return !isFallback || below === undefined || fde.start >= below.fde.end;
    });
    const starts = used.map(({ fde }) => fde.start).sort((a, b) => a - b);
    const seen = new Set<number>();
    for (const { fde, rows } of used) {
      const next = starts[indexAbove(starts, fde.start)] ?? Infinity;
      if (seen.has(fde.start)) this.found.skipped++;
      else this.compareFunction({ ...fde, end: Math.min(next, fde.end) }, rows);
      seen.add(fde.start);
    }
    this.found.fdes = this.pending.length;
    this.found.skipped += this.pending.length - used.length;
    return this.found;
  }

  private beginEntry(line: string): void {
    this.endEntry();
    const fde = /FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)/.exec(line);
    this.entry =
      fde === null
        ? null
        : { cie: fde[1]!, start: Number.parseInt(fde[2]!, 16), end: Number.parseInt(fde[3]!, 16) };
    this.cieName = fde === null ? line.slice(0, line.indexOf(' ')) : '';
  }

  private endEntry(): void {
    if (this.entry !== null) {
      const { entry } = this;
      const inherited = (this.cies.get(entry.cie) ?? []).map(({ columns }) => ({
        address: entry.start,
        columns,
      }));
      if (entry.end > entry.start) {
        const rows = this.rows.length > 0 ? this.rows : inherited;
        this.pending.push({ fde: entry, rows, isFallback: this.section === '.debug_frame' });
      }
    } else if (this.cieName !== '') this.cies.set(this.cieName, this.rows);
    this.entry = null;
    this.cieName = '';
    this.rows = [];
    this.header = [];
  }

  private compareFunction(fde: { start: number; end: number }, rows: readonly FrameRow[]): void {
    const firstRow = ruleAt(this.table, fde.start);
    if (firstRow === null || firstRow.cfaKind === CFA_KINDS.none) {
      this.found.skipped++;
      return;
    }
    rows.forEach((row, index) => {
      // Two rows at one address: the last one holds.
      const until = Math.min(rows[index + 1]?.address ?? fde.end, fde.end);
      if (row.address >= until) return;
      this.found.rows++;
      this.compareRow(row, row.address);
      // Rows that only we have must mean the same as readelf's above them.
      for (const address of rowsInside(this.table, row.address, until)) {
        this.compareRow(row, address);
      }
    });
  }

  private compareRow(row: FrameRow, address: number): void {
    const rule = ruleAt(this.table, address);
    if (rule !== null && meansSame(rule, row.columns)) {
      if (rule.cfaKind === CFA_KINDS.unsupported) this.found.unsupported++;
      return;
    }
    this.found.wrong++;
    if (this.found.examples.length >= 5) return;
    const columns = [...row.columns].map(([name, value]) => `${name}=${value}`).join(' ');
    this.found.examples.push(`${address.toString(16)}: ${columns} / ${JSON.stringify(rule)}`);
  }
}

function rowOf(line: string, header: readonly string[]): FrameRow {
  // A register is printed as "r3 (rbx)".
  const cells = line.replaceAll(' (', '(').trim().split(/ +/);
  const columns = new Map<string, string>();
  header.forEach((name, at) => columns.set(name, cells[at] ?? ''));
  return { address: Number.parseInt(cells[0]!, 16), columns };
}

/** Index of the first value above `limit`. */
function indexAbove(ascending: ArrayLike<number>, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rule that holds at an ELF virtual address; null: below the table. */
export function ruleAt(table: UnwindTable, address: number): UnwindRule | null {
  const above = indexAbove(table.addresses, address - table.base);
  return above === 0 ? null : table.rules[table.ruleIndexes[above - 1]!]!;
}

/** Addresses of the table's rows above `start` and below `end`. */
function* rowsInside(table: UnwindTable, start: number, end: number): Generator<number> {
  const { addresses, base } = table;
  for (let row = indexAbove(addresses, start - base); row < addresses.length; row++) {
    const address = addresses[row]! + base;
    if (address >= end) return;
    yield address;
  }
}

/** Whether a rule and a printed row find the same caller; unsupported only where no rule could. */
function meansSame(rule: UnwindRule, columns: ReadonlyMap<string, string>): boolean {
  const cfa = columns.get('CFA') ?? '';
  const ra = columns.get('ra') ?? '';
  const fp = columns.get('rbp') ?? 'u';
  const sp = columns.get('rsp');
  if (rule.raKind === RA_KINDS.end) {
    return ra === 'u' && (rule.cfaKind === CFA_KINDS.unsupported || cfaMatches(rule, cfa));
  }
  switch (rule.cfaKind) {
    case CFA_KINDS.unsupported:
      // Reasons that this comparison can see: an expression, or a register that no rule can name.
      return cfa === 'exp' || isOdd(ra) || (sp !== undefined && sp !== 'v+0');
    case CFA_KINDS.signal:
      return cfa === 'exp' && ra === 'exp' && fp === 'exp';
    default:
      return (
        cfaMatches(rule, cfa) &&
        (ra === 'exp' || ra === signed('c', rule.raOffset)) &&
        fpMatches(rule, fp) &&
        (sp === undefined || sp === 'v+0' || sp === 'vexp' || sp === 'u')
      );
  }
}

const isOdd = (ra: string): boolean => !/^c[+-]\d+$/.test(ra);

function cfaMatches(rule: UnwindRule, cfa: string): boolean {
  if (cfa === 'exp')
    return (
      rule.cfaKind === CFA_KINDS.dereference ||
      rule.cfaKind === CFA_KINDS.plt ||
      rule.cfaKind === CFA_KINDS.register
    );
  return (
    rule.cfaKind === CFA_KINDS.register &&
    cfa === signed(REGISTERS[rule.cfaRegister] ?? '?', rule.cfaOffset)
  );
}

function fpMatches(rule: UnwindRule, fp: string): boolean {
  switch (rule.fpKind) {
    case FP_KINDS.same:
      return fp === 'u' || fp === 's';
    case FP_KINDS.atCfa:
      return fp === signed('c', rule.fpOffset) || fp === 'exp';
    case FP_KINDS.atFp:
      return fp === 'exp';
    default:
      return (
        fp === 'u' || fp === 'exp' || fp === 'vexp' || /^r\d+\(/.test(fp) || fp.startsWith('v')
      );
  }
}

const signed = (name: string, offset: number): string =>
  `${name}${offset < 0 ? '' : '+'}${String(offset)}`;
