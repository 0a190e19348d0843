import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { nearNames } from '#shared/text/near-names.ts';
import { cString, type ElfSegment, PF_X, PT_LOAD } from '../elf/elf-file.ts';
import { type SdtProbe, sdtProbesOf } from '../elf/sdt-notes.ts';
import { Demangler } from './demangle.ts';
import { type ImageFile, type ImageRef, openImage } from './image-files.ts';
import { findSymbols } from './image-symbols.ts';
import type { SymbolColumns } from './symbol-table.ts';

/** A hostile file can have gigabytes of one name. */
const MAX_NAME_BYTES = 1 << 12;
/** Places named in an error. */
const MAX_PLACES = 5;

/** The functions of a program or library that have a name. */
export interface BinaryFunctions {
  readonly columns: SymbolColumns;
  readonly segments: readonly ElfSegment[];
  /** A Go program: its stacks move, so returns cannot be probed. */
  readonly isGo: boolean;
}

const imageAt = (path: string): ImageRef => ({
  ...{ kind: 'elf', path, buildId: '', fileIdentity: '', pids: [] },
});

function openBinary(path: string): Result<ImageFile, ProfilerError> {
  const opened = openImage(imageAt(path));
  if (opened.ok) return opened;
  const { kind } = opened.error;
  if (kind === 'not-found') return err({ kind: 'file-not-found', path });
  const reason = kind === 'not-elf' ? 'it is no ELF program or library' : kind;
  return err({ kind: 'file-unreadable', path, reason });
}

/** Reads them from the file itself, its debug file, or what it exports. */
export function readFunctions(path: string): Result<BinaryFunctions, ProfilerError> {
  const opened = openBinary(path);
  if (!opened.ok) return opened;
  const { elf, source, buildId } = opened.value;
  try {
    const found = findSymbols(imageAt(path), elf, buildId);
    const isGo =
      elf.sectionNamed('.go.buildinfo') !== undefined ||
      elf.sectionNamed('.note.go.buildid') !== undefined;
    return ok({ columns: found?.columns ?? NO_SYMBOLS, segments: elf.segments, isGo });
  } finally {
    source[Symbol.dispose]();
  }
}

/** USDT probes of a program or library. */
export function readSdtProbes(path: string): Result<readonly SdtProbe[], ProfilerError> {
  const opened = openBinary(path);
  if (!opened.ok) return opened;
  try {
    return ok(sdtProbesOf(opened.value.elf));
  } finally {
    opened.value.source[Symbol.dispose]();
  }
}

const NO_SYMBOLS: SymbolColumns = {
  start: new Float64Array(0),
  size: new Float64Array(0),
  name: new Uint32Array(0),
  rank: new Uint8Array(0),
  sectionEnd: new Float64Array(0),
  names: Buffer.alloc(0),
};

/** Name of a row as the file spells it, without a symbol version. */
export function functionName({ columns }: BinaryFunctions, row: number): string {
  const name = cString(columns.names, columns.name[row]!, MAX_NAME_BYTES);
  const at = name.indexOf('@');
  return at > 0 ? name.slice(0, at) : name;
}

/** Where in the file a virtual address of code stands, bytes; null: in no code of the file. */
export function codeOffset(segments: readonly ElfSegment[], vaddr: number): number | null {
  const segment = segments.find(
    ({ type, flags, vaddr: start, fileBytes }) =>
      type === PT_LOAD && (flags & PF_X) !== 0 && vaddr >= start && vaddr < start + fileBytes,
  );
  return segment === undefined ? null : vaddr - segment.vaddr + segment.offset;
}

/**
 * Offset in its file of the first instruction of a function: by its name as the file has it or as
 * people read it (with or without parameters), or "+0x" and the offset itself. Returns of Go's
 * functions cannot be probed, their entries can.
 */
export function findUserFunction(
  path: string,
  symbol: string,
  point: 'entry' | 'return' = 'return',
): Result<number, ProfilerError> {
  const read = readFunctions(path);
  if (!read.ok) return read;
  const functions = read.value;
  const refuse = (reason: string): Result<never, ProfilerError> =>
    err({ kind: 'probe-unsupported', probe: `${path}:${symbol}`, reason });
  if (functions.isGo && point === 'return') {
    return refuse(
      'a Go program moves its stacks while functions run, and a probe on their return would crash it',
    );
  }
  if (symbol.startsWith('+0x')) {
    const offset = Number.parseInt(symbol.slice(3), 16);
    const isCode = functions.segments.some(
      ({ type, flags, offset: start, fileBytes }) =>
        type === PT_LOAD && (flags & PF_X) !== 0 && offset >= start && offset < start + fileBytes,
    );
    const isHex = /^\+0x[0-9a-f]{1,12}$/i.test(symbol);
    return isHex && isCode ? ok(offset) : refuse('the file has no code at this offset');
  }
  const starts = [
    ...new Set(rowsNamed(functions, symbol).map((row) => functions.columns.start[row]!)),
  ];
  if (starts.length === 0) {
    const similar = nearNames(symbol, allNames(functions));
    return err({ kind: 'probe-not-found', probe: `${path}:${symbol}`, similar });
  }
  const offsets = starts.flatMap((start) => codeOffset(functions.segments, start) ?? []);
  if (offsets.length === 0) return refuse('it lies in no code of the file');
  if (offsets.length === 1) return ok(offsets[0]!);
  const places = offsets.slice(0, MAX_PLACES).map((offset) => `+0x${offset.toString(16)}`);
  const more = offsets.length > MAX_PLACES ? ', …' : '';
  return refuse(
    `the file has ${offsets.length} functions of this name; say which by its offset: ${places.join(', ')}${more}`,
  );
}

/** Names of all functions as the file spells them. */
export function* allNames(functions: BinaryFunctions): Generator<string> {
  for (let row = 0; row < functions.columns.start.length; row++) yield functionName(functions, row);
}

/** Rows of that very name; if there are none, those that people read so. */
function rowsNamed(functions: BinaryFunctions, symbol: string): number[] {
  const rows: number[] = [];
  let row = 0;
  for (const name of allNames(functions)) {
    if (name === symbol) rows.push(row);
    row++;
  }
  return rows.length > 0 ? rows : rowsRead(functions, symbol);
}

/** Manglings spell identifiers out: a name without the last one of those asked for cannot be it. */
function rowsRead(functions: BinaryFunctions, symbol: string): number[] {
  const last = /([A-Za-z_]\w*)\W*$/.exec(withoutParameters(symbol))?.[1];
  if (last === undefined) return [];
  const demangler = new Demangler();
  const rows: number[] = [];
  let row = -1;
  for (const raw of allNames(functions)) {
    row++;
    if (!raw.includes(last)) continue;
    const name = demangler.demangle(raw);
    if (name === raw) continue;
    if (name === symbol || withoutParameters(name) === symbol) rows.push(row);
  }
  return rows;
}

/** "ns::f(int) const" → "ns::f". */
const withoutParameters = (name: string): string => name.replace(/\(.*$/s, '');
