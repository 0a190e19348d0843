import {
  type ElfFile,
  type ElfSegment,
  PF_X,
  PT_LOAD,
  SHT_DYNSYM,
  SHT_SYMTAB,
} from '../elf/elf-file.ts';
import { readVdso } from '../elf/vdso.ts';
import { loadXzDecode } from '../ffi/lzma.ts';
import { type DebugWanted, findDebugFile } from './debug-files.ts';
import {
  joinSymbols,
  readDynsym,
  readMiniDebug,
  readSymtab,
  type XzDecode,
} from './elf-symbols.ts';
import { readGoFunctions } from './go-functions.ts';
import { type ImageFile, type ImageRef, openImage, pathOfImage } from './image-files.ts';
import type { ImageProblem } from './image-problem.ts';
import { type SymbolColumns, SymbolTable } from './symbol-table.ts';

/** Where an image's names come from; dynsym: exported functions only, many addresses stay without. */
export type SymbolOrigin = 'symtab' | 'debug-file' | 'go-table' | 'mini-debug' | 'dynsym' | 'none';

/** Names of one image by offset in its file; holds no open file. */
export interface ImageSymbols {
  /** null: no names; `problem` says why. */
  readonly table: SymbolTable | null;
  /** How offsets in the file become the addresses the table speaks of. */
  readonly segments: readonly ElfSegment[];
  readonly origin: SymbolOrigin;
  /** Of the file found, else as recorded; empty: unknown. */
  readonly buildId: string;
  readonly problem: ImageProblem | null;
}

let xzDecode: XzDecode | null | undefined;
/** liblzma, loaded when the first image with .gnu_debugdata is met. */
function sharedXzDecode(): XzDecode | null {
  if (xzDecode === undefined) xzDecode = loadXzDecode();
  return xzDecode;
}

/** Reads the names of an ELF image: its .symtab, else a debug file's, else what .dynsym has. */
export function loadImageSymbols(image: ImageRef): ImageSymbols {
  const opened = openImage(image);
  if (!opened.ok) return fromDebugFileAlone(image, opened.error);
  try {
    return fromImageFile(image, opened.value);
  } finally {
    opened.value.source[Symbol.dispose]();
  }
}

/** Names of the [vdso]; offsets are from its start, which is where its file would begin. */
export function loadVdsoSymbols(): ImageSymbols {
  const elf = readVdso();
  const columns = elf === null ? null : (readSymtab(elf) ?? readDynsym(elf));
  if (elf === null || columns === null) return without('', { kind: 'no-symbols', path: '[vdso]' });
  const table = new SymbolTable(columns);
  return { table, segments: elf.segments, origin: 'dynsym', buildId: '', problem: null };
}

function fromImageFile(image: ImageRef, file: ImageFile): ImageSymbols {
  const { elf } = file;
  const buildId = file.buildId === '' ? image.buildId : file.buildId;
  const found = findSymbols(image, elf, buildId);
  if (found === null) return without(buildId, { kind: 'no-symbols', path: file.path });
  const table = new SymbolTable(found.columns);
  // Half a name list is worth saying: most addresses of a stripped program have no name.
  const partial = found.origin === 'dynsym';
  const problem: ImageProblem | null = partial ? { kind: 'no-symbols', path: file.path } : null;
  return { table, segments: elf.segments, origin: found.origin, buildId, problem };
}

/** An image's own names, else those of its debug file, else Go's, else what it exports; null: none. */
export function findSymbols(image: ImageRef, elf: ElfFile, buildId: string): Found | null {
  return (
    ownSymtab(elf) ?? debugSymbols(image, elf, buildId) ?? goFunctions(elf) ?? lesserSymbols(elf)
  );
}

interface Found {
  readonly columns: SymbolColumns;
  readonly origin: SymbolOrigin;
}

/** The .symtab, joined with .dynsym in the odd case that it was stripped to less than that. */
function ownSymtab(elf: ElfFile): Found | null {
  const columns = readSymtab(elf);
  if (columns === null || columns.start.length === 0) return null;
  const isCut = bytesOf(elf, SHT_DYNSYM) > bytesOf(elf, SHT_SYMTAB);
  const exported = isCut ? readDynsym(elf) : null;
  const joined = exported === null ? columns : joinSymbols(columns, exported);
  return { columns: joined, origin: 'symtab' };
}

function bytesOf(elf: ElfFile, type: number): number {
  return elf.sections.find((section) => section.type === type)?.bytes ?? 0;
}

function debugSymbols(image: ImageRef, elf: ElfFile, buildId: string): Found | null {
  const debug = findDebugFile({ ...wantedFor(image), buildId, elf });
  if (debug === null) return null;
  try {
    const columns = readSymtab(debug.elf);
    return columns === null || columns.start.length === 0
      ? null
      : { columns, origin: 'debug-file' };
  } finally {
    debug.source[Symbol.dispose]();
  }
}

function goFunctions(elf: ElfFile): Found | null {
  const columns = readGoFunctions(elf);
  return columns === null || columns.start.length === 0 ? null : { columns, origin: 'go-table' };
}

function lesserSymbols(elf: ElfFile): Found | null {
  const exported = readDynsym(elf);
  const local = readMiniDebug(elf, sharedXzDecode);
  if (local !== null) {
    const columns = exported === null ? local : joinSymbols(local, exported);
    return { columns, origin: 'mini-debug' };
  }
  return exported === null || exported.start.length === 0
    ? null
    : { columns: exported, origin: 'dynsym' };
}

/**
 * The image is gone or replaced. A debug file of the same build id has the names, but helps only if it
 * still says where the code stood in the image's file (elfutils keeps that, objcopy does not).
 */
function fromDebugFileAlone(image: ImageRef, problem: ImageProblem): ImageSymbols {
  const { buildId } = image;
  const wanted = { ...wantedFor(image), buildId, elf: null };
  const debug = buildId === '' ? null : findDebugFile(wanted);
  if (debug === null) return without(buildId, problem);
  try {
    const { elf } = debug;
    const columns = readSymtab(elf);
    const placed = elf.segments.some(
      ({ type, flags, fileBytes }) => type === PT_LOAD && (flags & PF_X) !== 0 && fileBytes > 0,
    );
    if (columns === null || !placed) return without(buildId, problem);
    const table = new SymbolTable(columns);
    return { table, segments: elf.segments, origin: 'debug-file', buildId, problem: null };
  } finally {
    debug.source[Symbol.dispose]();
  }
}

function without(buildId: string, problem: ImageProblem): ImageSymbols {
  return { table: null, segments: [], origin: 'none', buildId, problem };
}

/** Where debug files of an image are looked for: a container's own come first. */
export function wantedFor(image: ImageRef): Pick<DebugWanted, 'path' | 'roots' | 'fetched'> {
  const roots = [...image.pids.slice(0, 1).map((pid) => `/proc/${pid}/root`), ''];
  return { path: pathOfImage(image), roots, fetched: image.fetched?.debug };
}
