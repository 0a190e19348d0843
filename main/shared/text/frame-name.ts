import { shortImageName } from '../model/call-tree-keys.ts';
import { FRAME_KINDS, type FrameKind, type SessionTables } from '../model/session-tables.ts';
import { incompleteName } from './unwind-text.ts';

/** What a code location is called without a symbol: "libfoo.so+0x1a2b". `offset` in bytes. */
export const offsetName = (imagePath: string, offset: number): string =>
  `${shortImageName(imagePath) || '[unknown]'}+0x${offset.toString(16)}`;

const OFFSET = /^\+0x[0-9a-f]+$/;
/** Whether a function's name only says where in its image it begins: nobody knows what it is called. */
export function isOffsetName(imagePath: string, name: string): boolean {
  const image = shortImageName(imagePath);
  return image !== '' && name.startsWith(image) && OFFSET.test(name.slice(image.length));
}

/** Name of a row of FrameTable: its function, or image and offset. Raw: may hold any character. */
export function frameName(tables: SessionTables, frame: number): string {
  const func = tables.frames.func[frame]!;
  if (func >= 0) return tables.functions.name[func] ?? '';
  if (frameKind(tables, frame) === 'incomplete')
    return incompleteName(tables.frames.offset[frame]!);
  const image = tables.images.path[tables.frames.image[frame]!] ?? '';
  if (frameKind(tables, frame) === 'waker') return image;
  return offsetName(image, tables.frames.offset[frame]!);
}

/** Kind of a row of FrameTable. A code this version does not know counts as user. */
export const frameKind = (tables: SessionTables, frame: number): FrameKind =>
  FRAME_KINDS[tables.frames.kind[frame]!] ?? 'user';

/** The marks flame graph tools put behind names: kernel "_[k]", JIT "_[j]", inlined "_[i]". */
export function kindSuffix(kind: FrameKind): string {
  switch (kind) {
    case 'kernel':
      return '_[k]';
    case 'jit':
      return '_[j]';
    case 'inlined':
      return '_[i]';
    case 'user':
    case 'interpreted':
    case 'incomplete':
    case 'waker':
      return '';
  }
}
