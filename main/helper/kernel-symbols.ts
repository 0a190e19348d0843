import { closeSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { encodeFrame } from '../capture/wire/framing.ts';
import { type KernelShift, moveSymbols } from './kernel-shift.ts';

const readAsync = promisify(read);
/** Read at once, bytes; the kernel answers with a page or so. Drains pass between reads. */
const CHUNK_BYTES = 64 << 10;
/** Sent at once, characters. */
const FRAME_CHARACTERS = 512 << 10;
const isText = /^[0-9a-f]+ [tTwW] /;

/**
 * The text symbols among whole lines of /proc/kallsyms; empty if the kernel hides addresses (all
 * zero).
 */
export function textSymbols(lines: string): string {
  const kept = lines.split('\n').filter((line) => isText.test(line) && !/^0+ /.test(line));
  return kept.length === 0 ? '' : `${kept.join('\n')}\n`;
}

/**
 * Sends the kernel's text symbols as kallsyms frames of whole lines ("address type name [module]").
 * The last frame is empty. Closes `fd`. `shift`: of addresses; null: they are told as they are.
 */
export async function sendKernelSymbols(
  fd: number,
  shift: KernelShift | null,
  send: (frame: Uint8Array) => void,
): Promise<void> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let rest = '';
  let symbols = '';
  const flush = (): void => {
    if (symbols !== '') {
      const moved = shift === null ? symbols : moveSymbols(symbols, shift);
      send(encodeFrame('kallsyms', Buffer.from(moved, 'latin1')));
    }
    symbols = '';
  };
  try {
    for (;;) {
      const { bytesRead } = await readAsync(fd, chunk, 0, CHUNK_BYTES, null);
      if (bytesRead === 0) break;
      const text = rest + chunk.toString('latin1', 0, bytesRead);
      const lineEnd = text.lastIndexOf('\n') + 1;
      rest = text.slice(lineEnd);
      symbols += textSymbols(text.slice(0, lineEnd));
      if (symbols.length >= FRAME_CHARACTERS) flush();
    }
    flush();
    // An empty frame: that was all.
    send(encodeFrame('kallsyms', new Uint8Array(0)));
  } finally {
    closeSync(fd);
  }
}
