import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { bufferSource } from '../../main/elf/byte-source.ts';
import { ElfFile, PT_LOAD } from '../../main/elf/elf-file.ts';

/** Bytes of code from the entry point on that count as the start: `_start` is 34 of them. */
const ENTRY_BYTES = 48;

/** First address and the one behind the last, bytes in the file. */
type Range = readonly [number, number];

/**
 * Where threads start, found without our own unwinder: the code whose unwind information, as readelf
 * prints it, says that there is no caller, and the entry point.
 */
export class ThreadRoots {
  readonly #ranges = new Map<string, readonly Range[]>();
  readonly #extra = new Set<string>();

  /** A start that no unwind information tells of: Go's and other runtimes' without any. */
  add(image: string, name: string): void {
    if (name !== '') this.#extra.add(`${image} ${name}`);
  }

  has({ image, offset, name }: { image: string; offset: number; name: string }): boolean {
    if (this.#extra.has(`${image} ${name}`)) return true;
    let ranges = this.#ranges.get(image);
    if (ranges === undefined) {
      ranges = rangesOf(image);
      this.#ranges.set(image, ranges);
    }
    return ranges.some(([start, end]) => offset >= start && offset <= end);
  }
}

function rangesOf(path: string): Range[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return []; // No file: vdso, JIT memory, a deleted program. No thread starts there.
  }
  const elf = ElfFile.parse(bufferSource(bytes));
  if (!elf.ok) return [];
  const loads = elf.value.segments.filter(({ type }) => type === PT_LOAD);
  const toFile = (address: number): number => {
    const segment = loads.find(
      ({ vaddr, fileBytes }) => address >= vaddr && address < vaddr + fileBytes,
    );
    return segment === undefined ? -1 : address - segment.vaddr + segment.offset;
  };
  const entry = Number(bytes.readBigUInt64LE(24));
  const all: Range[] = entry === 0 ? [] : [[entry, entry + ENTRY_BYTES]];
  all.push(...rootsOfReadelf(path));
  return all.map(([start, end]): Range => [toFile(start), toFile(start) + end - start]);
}

/** FDEs that have a row whose return address is "u", undefined, and the C library's start of main(). */
function rootsOfReadelf(path: string): Range[] {
  const command =
    'readelf --debug-dump=frames-interp "$1" 2>/dev/null | { grep -E " FDE |^[0-9a-f]+ .* u *$" || true; }';
  const text = execFileSync('sh', ['-c', command, 'sh', path], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  const all: Range[] = [];
  const roots = new Set<Range>();
  for (const line of text.split('\n')) {
    const fde = / FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)/.exec(line);
    if (fde !== null) all.push([Number.parseInt(fde[1]!, 16), Number.parseInt(fde[2]!, 16)]);
    else if (/ u *$/.test(line) && all.length > 0) roots.add(all.at(-1)!);
  }
  return [...roots, ...startOfMain(path, all)];
}

/**
 * glibc's __libc_start_main and, right before it, the private function that calls main(). A walk by
 * frame pointers cannot see `_start` behind them; it is as good as there.
 */
function startOfMain(path: string, functions: readonly Range[]): Range[] {
  if (!/\/libc\.so\.6$/.test(path)) return [];
  const symbols = execFileSync('nm', ['-D', path], { encoding: 'utf8' });
  const address = Number.parseInt(
    /^([0-9a-f]+) T __libc_start_main@/m.exec(symbols)?.[1] ?? '',
    16,
  );
  const sorted = functions.toSorted((a, b) => a[0] - b[0]);
  const index = sorted.findIndex(([start]) => start === address);
  return index < 1 ? [] : [sorted[index - 1]!, sorted[index]!];
}
