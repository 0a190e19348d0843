import { readlinkSync } from 'node:fs';
import { err, ok, type Result } from '#shared/result.ts';
import { FileSource } from '../../elf/byte-source.ts';
import { ElfFile, PF_X, PT_LOAD } from '../../elf/elf-file.ts';
import { buildIdOf } from '../../elf/elf-notes.ts';
import { readVdso } from '../../elf/vdso.ts';
import { buildUnwindTable } from '../../unwind/build-table.ts';
import type { UnwindTable } from '../../unwind/unwind-table.ts';
import type { ProcMapping } from '../proc-files.ts';

/** A code segment: how bytes of the file become ELF virtual addresses. */
export interface CodeSegment {
  readonly offset: number;
  readonly vaddr: number;
  readonly bytes: number;
}

/** What a file says about unwinding. */
export interface LoadedImage {
  readonly table: UnwindTable;
  readonly segments: readonly CodeSegment[];
}

/** Tables of images seen before, by build id: SpooledTables. */
export interface TableCache {
  read(buildId: string): UnwindTable | null;
  write(buildId: string, table: UnwindTable): void;
}

/** unreadable: the process is gone, or the file is not for us. no-table: it says nothing of unwinding. */
export type ImageLack = 'unreadable' | 'no-table';

const DELETED = ' (deleted)';

/**
 * Reads the unwind table of a mapped file: through the mapping itself, which works for deleted files and
 * other mount namespaces, else by path as the process sees it.
 */
export function loadImage(
  pid: number,
  mapping: ProcMapping,
  cache: TableCache | null,
): Result<LoadedImage, ImageLack> {
  if (mapping.path === '[vdso]') return vdsoImage();
  const source = openMapped(pid, mapping);
  if (source === null) return err('unreadable');
  try {
    const elf = ElfFile.parse(source);
    if (!elf.ok) return err('no-table');
    const buildId = buildIdOf(elf.value);
    const kept = buildId === '' ? null : (cache?.read(buildId) ?? null);
    if (kept !== null) return ok({ table: kept, segments: codeSegments(elf.value) });
    const built = buildUnwindTable(elf.value);
    if (!built.ok) return err('no-table');
    // That it could not be kept costs time at the next recording, nothing else.
    if (buildId !== '') cache?.write(buildId, built.value);
    return ok({ table: built.value, segments: codeSegments(elf.value) });
  } finally {
    source[Symbol.dispose]();
  }
}

function vdsoImage(): Result<LoadedImage, ImageLack> {
  const elf = readVdso();
  const built = elf === null ? null : buildUnwindTable(elf);
  return elf !== null && built?.ok === true
    ? ok({ table: built.value, segments: codeSegments(elf) })
    : err('no-table');
}

const codeSegments = (elf: ElfFile): CodeSegment[] =>
  elf.segments
    .filter(({ type, flags }) => type === PT_LOAD && (flags & PF_X) !== 0)
    .map(({ offset, vaddr, fileBytes }) => ({ offset, vaddr, bytes: fileBytes }));

function openMapped(pid: number, { start, end, path, inode }: ProcMapping): FileSource | null {
  // The kernel names the links without leading zeros, as our mappings have them.
  const places = [`/proc/${pid}/map_files/${start}-${end}`];
  if (!path.endsWith(DELETED)) {
    places.push(`/proc/${pid}/root${path}`);
    // Paths are told as the process sees them; of one in a chroot, as we do.
    if (isInChroot(pid)) places.push(path);
  }
  places.push(`/proc/${pid}/exe`);
  for (const place of places) {
    const source = FileSource.open(place);
    if (!source.ok) continue;
    // Of a file that only we see at that path, the device counts as well: it may be another's namesake.
    const isIt =
      place === path ? isSameFile(source.value, inode) : isSameInode(source.value, inode);
    if (isIt) return source.value;
    source.value[Symbol.dispose]();
  }
  return null;
}

function isInChroot(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/root`) !== '/';
  } catch {
    return false; // It has ended, or is not ours to look at: then nor are its files.
  }
}

/** Not the device: btrfs and overlayfs show another one in a mapping than stat() does. */
const isSameInode = ({ inode }: FileSource, mapped: string): boolean =>
  mapped === '' || inode === BigInt(mapped.split(':')[2] ?? -1);

const isSameFile = (source: FileSource, mapped: string): boolean =>
  mapped !== '' && isSameInode(source, mapped) && source.device === mapped.replace(/:\d+$/, '');

/** Memory pages are what is mapped: a segment that begins inside one is mapped from the page's start. */
const PAGE_BYTES = 4096;

/** ELF virtual address of the first byte of a mapping; null: it maps no code of the file. */
export function vaddrOfMapping(
  segments: readonly CodeSegment[],
  fileOffset: number,
): number | null {
  for (const { offset, vaddr, bytes } of segments) {
    const first = offset - (offset % PAGE_BYTES);
    if (fileOffset >= first && fileOffset < offset + bytes) return fileOffset - offset + vaddr;
  }
  return null;
}
