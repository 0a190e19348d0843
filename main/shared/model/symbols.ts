import type { FrameTable, SessionTables, SymbolTable } from './session-tables.ts';

/** Calls inlined into one another at one place, at most; deeper ones are left out. */
export const MAX_INLINE_DEPTH = 255;

/**
 * Points frames at their symbols. `symbols` holds rows from `firstRow` on of the whole table, `frames`
 * rows from `firstFrame` on; symbols of other frames are passed over.
 */
export function applySymbols(
  frames: Pick<FrameTable, 'func' | 'symbol'>,
  symbols: SymbolTable,
  { firstRow, firstFrame }: { readonly firstRow: number; readonly firstFrame: number },
): void {
  for (let at = 0; at < symbols.length; at++) {
    const frame = symbols.frame[at]! - firstFrame;
    if (symbols.depth[at] !== 0 || frame < 0) continue;
    frames.func[frame] = symbols.func[at]!;
    frames.symbol[frame] = firstRow + at;
  }
}

/**
 * Per frame row, how many calls are inlined there; null: none anywhere, so that sessions without
 * debug information pay nothing. They are the rows behind frames.symbol in SymbolTable.
 */
export function inlineDepths({ frames, symbols }: SessionTables): Uint8Array | null {
  let depths: Uint8Array | null = null;
  for (let row = 1; row < symbols.length; row++) {
    const depth = symbols.depth[row]!;
    if (depth === 0) continue;
    const frame = symbols.frame[row]!;
    // Rows that do not follow their caller are nobody's: only a damaged file has them.
    if (frames.symbol[frame] !== row - depth) continue;
    depths ??= new Uint8Array(frames.length);
    if (depths[frame] === depth - 1) depths[frame] = depth;
  }
  return depths;
}

/** A place in a source file, for people: "src/loop.c:42"; null: not known. `symbol`: row of SymbolTable. */
export function sourceText({ symbols, sourceFiles }: SessionTables, symbol: number): string | null {
  if (symbol < 0) return null;
  const path = sourceFiles.path[symbols.file[symbol]!];
  if (path === undefined) return null;
  const line = symbols.line[symbol]!;
  return line > 0 ? `${path}:${line}` : path;
}
