import { ByteCursor } from './byte-cursor.ts';
import type { DwarfFile } from './dwarf-file.ts';

const MAX_BYTES = 64 << 20;

/** Reads .debug_aranges (DWARF 5, 6.1.2): which unit, by its offset in .debug_info, has which code. */
export function readAranges(
  file: DwarfFile,
  sink: (unit: number, start: number, end: number) => void,
): void {
  const section = file.sections.aranges;
  const bytes = section?.upTo(0, MAX_BYTES);
  if (bytes === undefined) return;
  for (let at = 0; at < bytes.length; ) {
    const cursor = new ByteCursor(bytes, at);
    const first = cursor.u32();
    const is64 = first === 0xffffffff;
    const length = is64 ? cursor.u64() : first;
    const end = cursor.at + length;
    if (cursor.hasFailed() || !(end <= bytes.length)) return;
    readSet(new ByteCursor(bytes, cursor.at, end), { is64, at }, sink);
    at = end;
  }
  section?.release();
}

function readSet(
  cursor: ByteCursor,
  { is64, at }: { is64: boolean; at: number },
  sink: (unit: number, start: number, end: number) => void,
): void {
  cursor.skip(2);
  const unit = cursor.offset(is64);
  const width = cursor.u8();
  cursor.skip(1);
  if (cursor.hasFailed() || (width !== 4 && width !== 8)) return;
  // Pairs begin at a multiple of their size from the start of the set.
  const pair = 2 * width;
  cursor.skip((pair - ((cursor.at - at) % pair)) % pair);
  for (;;) {
    const start = cursor.word(width);
    const size = cursor.word(width);
    if (cursor.hasFailed() || (start === 0 && size === 0)) return;
    sink(unit, start, start + size);
  }
}
