import { execFileSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileSource } from '../../main/elf/byte-source.ts';
import { ElfFile } from '../../main/elf/elf-file.ts';
import { buildIdOf } from '../../main/elf/elf-notes.ts';

const SOURCE = `
static volatile long sink;
__attribute__((noinline)) static void fold_sheet(long n) { for (long i = 0; i < n; i++) sink += i; }
__attribute__((noinline)) static void press_sheet(long n) { fold_sheet(n); sink++; }
int main(int argc, char **argv) { for (;;) { press_sheet(100000); if (argc > 1) return 0; } }
`;

/** A compiled program with two functions of its own, and its parts. */
export interface NativeProgram {
  /** Stripped: what a distribution installs. */
  readonly stripped: string;
  /** With symbols. */
  readonly full: string;
  /** As objcopy --only-keep-debug makes it. */
  readonly debug: string;
  readonly buildId: string;
  /** Offset in the file of a place within a function. */
  readonly offsetIn: (name: string) => number;
}

/** Compiles it with gcc; `salt` makes another build. Runs until killed when given no argument. */
export function compileProgram(folder: string, salt = ''): NativeProgram {
  const at = (name: string): string => join(folder, `${name}${salt}`);
  const [source, full, stripped, debug] = [
    `${at('press')}.c`,
    at('full'),
    at('press'),
    at('debug'),
  ];
  writeFileSync(source, `${SOURCE}const char *salt = "${salt}";\n`);
  const flags = ['-O1', '-g', '-fno-omit-frame-pointer', '-fno-optimize-sibling-calls'];
  execFileSync('gcc', [...flags, '-Wl,--build-id', '-o', full, source]);
  execFileSync('objcopy', ['--only-keep-debug', full, debug]);
  copyFileSync(full, stripped);
  execFileSync('strip', [stripped]);
  const opened = FileSource.open(full);
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  using image = opened.value;
  const parsed = ElfFile.parse(image);
  if (!parsed.ok) throw new Error(parsed.error);
  const elf = parsed.value;
  const symbols = execFileSync('nm', [full]).toString();
  const offsetIn = (name: string): number => {
    const address = Number.parseInt(new RegExp(`^(\\w+) \\w ${name}$`, 'm').exec(symbols)![1]!, 16);
    const segment = elf.segments.find(
      ({ vaddr, fileBytes }) => address >= vaddr && address < vaddr + fileBytes,
    )!;
    return address - segment.vaddr + segment.offset + 1;
  };
  return { stripped, full, debug, buildId: buildIdOf(elf), offsetIn };
}
