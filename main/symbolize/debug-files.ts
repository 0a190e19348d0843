import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { FileSource } from '../elf/byte-source.ts';
import { ElfFile } from '../elf/elf-file.ts';
import { buildIdOf, debugLinkOf } from '../elf/elf-notes.ts';

/** Where distributions put separate debug files. */
export const DEBUG_FOLDER = '/usr/lib/debug';
const CRC_CHUNK_BYTES = 1 << 20;

/** An open separate debug file that was proven to belong to its image. Dispose `source` after use. */
export interface DebugFile {
  readonly path: string;
  readonly source: FileSource;
  readonly elf: ElfFile;
}

/** Which image a debug file is wanted for. */
export interface DebugWanted {
  /** Path of the image as its process sees it, without `root`. */
  readonly path: string;
  /** Lower-case hex; empty: it has none. */
  readonly buildId: string;
  /** The image itself, for its .gnu_debuglink; null: only the build id is known. */
  readonly elf: ElfFile | null;
  /** Folders that stand for "/", e.g. "/proc/7/root" of a container, then "". */
  readonly roots: readonly string[];
  /** A debug file brought from elsewhere, asked last; absent: none. */
  readonly fetched?: string | undefined;
}

/** The first debug file that fits: by build id, by debug link with its CRC, then a fetched one; null: none. */
export function findDebugFile(wanted: DebugWanted): DebugFile | null {
  for (const root of wanted.roots) {
    const found = byBuildId(wanted.buildId, root) ?? byDebugLink(wanted, root);
    if (found !== null) return found;
  }
  const { fetched, buildId } = wanted;
  if (fetched === undefined || buildId === '') return null;
  return openIf(fetched, (file) => buildIdOf(file.elf) === buildId);
}

function byBuildId(buildId: string, root: string): DebugFile | null {
  if (!/^[0-9a-f]{6,128}$/.test(buildId)) return null;
  const path = `${root}${DEBUG_FOLDER}/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
  return openIf(path, (file) => buildIdOf(file.elf) === buildId);
}

/** As gdb searches ("Debugging Information in Separate Files"): beside it, in .debug, in the debug folder. */
function byDebugLink({ path, buildId, elf }: DebugWanted, root: string): DebugFile | null {
  const link = elf === null ? null : debugLinkOf(elf);
  if (link === null) return null;
  const folder = dirname(path);
  for (const place of [folder, `${folder}/.debug`, `${DEBUG_FOLDER}${folder}`]) {
    const candidate = `${root}${place}/${link.name}`;
    if (candidate === `${root}${path}`) continue;
    const found = openIf(candidate, (file) => {
      const otherId = buildIdOf(file.elf);
      if (buildId !== '' && otherId !== '' && buildId !== otherId) return false;
      return crcOf(file.source) === link.crc32;
    });
    if (found !== null) return found;
  }
  return null;
}

function openIf(path: string, fits: (file: DebugFile) => boolean): DebugFile | null {
  const opened = FileSource.open(path);
  if (!opened.ok) return null;
  const source = opened.value;
  const elf = ElfFile.parse(source);
  const file = elf.ok ? { path, source, elf: elf.value } : null;
  if (file !== null && fits(file)) return file;
  source[Symbol.dispose]();
  return null;
}

/** CRC-32 of a whole file; null: it could not be read to its end. */
function crcOf(source: FileSource): number | null {
  let crc = 0;
  for (let at = 0; at < source.size; at += CRC_CHUNK_BYTES) {
    const chunk = source.read(at, Math.min(CRC_CHUNK_BYTES, source.size - at));
    if (chunk === null) return null;
    crc = crc32(chunk, crc);
  }
  return crc;
}
