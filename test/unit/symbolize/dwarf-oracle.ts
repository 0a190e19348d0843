import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileSource } from '../../../main/elf/byte-source.ts';
import { ElfFile, SHF_EXECINSTR } from '../../../main/elf/elf-file.ts';
import type { DebugPlace } from '../../../main/symbolize/dwarf/debug-info.ts';

/** A function of a chain, innermost first: raw name, and "file.c:12" with the base name of the file. */
export interface OracleFrame {
  readonly name: string;
  readonly place: string;
}

export const hasTool = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;

/** Path of a source among the fixtures. */
export const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/dwarf/${name}`, import.meta.url));

export const makeFolder = (): string => mkdtempSync(join(tmpdir(), 'dwarf-'));

/** Builds a program; null: the compiler, or what it was asked for, is not here. */
export function build(folder: string, name: string, command: readonly string[]): string | null {
  const [compiler, ...args] = command;
  const output = join(folder, name);
  const ran = spawnSync(compiler!, [...args, '-o', output], { cwd: folder });
  return ran.status === 0 ? output : null;
}

export function openElf(path: string): ElfFile {
  const source = FileSource.open(path);
  if (!source.ok) throw new Error(`cannot open ${path}`);
  const elf = ElfFile.parse(source.value);
  if (!elf.ok) throw new Error(elf.error);
  return elf.value;
}

/** Every `step`-th byte of the code of a file, at most `limit` addresses. */
export function codeAddresses(elf: ElfFile, limit: number): number[] {
  const code = elf.sections.filter(({ flags }) => (flags & SHF_EXECINSTR) !== 0);
  const total = code.reduce((sum, { bytes }) => sum + bytes, 0);
  const step = Math.max(1, total / limit);
  const addresses: number[] = [];
  for (const { vaddr, bytes } of code) {
    for (let at = 0; at < bytes; at += step) addresses.push(Math.floor(vaddr + at));
  }
  return addresses;
}

/** What binutils or LLVM say of addresses: functions innermost first. */
export function framesByTool(
  tool: string,
  path: string,
  addresses: readonly number[],
): OracleFrame[][] {
  const style = tool === 'addr2line' ? [] : ['--no-demangle', '--output-style=GNU'];
  const text = execFileSync(tool, ['-a', '-i', '-f', ...style, '-e', path], {
    input: addresses.map((address) => `0x${address.toString(16)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  return text
    .split(/^0x[0-9a-f]+\n/m)
    .slice(1)
    .map((block) => {
      const lines = block.trimEnd().split('\n');
      return Array.from({ length: lines.length >> 1 }, (_, k) => ({
        name: lines[2 * k]!,
        place: shortPlace(lines[2 * k + 1]!),
      }));
    });
}

/** Ours in the same form. The owner's name is not DebugInfo's to say: it is empty. */
export function framesOf(place: DebugPlace | null): OracleFrame[] {
  const text = (source: DebugPlace['source']): string =>
    source === null ? '?' : shortPlace(`${source.file}:${source.line}`);
  if (place === null) return [{ name: '', place: '?' }];
  const calls = place.inlined.map(({ rawName, source }) => ({
    name: rawName,
    place: text(source),
  }));
  return [{ name: '', place: text(place.source) }, ...calls].reverse();
}

/** Disagreements, in words. Tools leave out namespaces where a function has no linkage name. */
export function differences(
  ours: readonly (DebugPlace | null)[],
  theirs: readonly OracleFrame[][],
  addresses: readonly number[],
): string[] {
  const found: string[] = [];
  addresses.forEach((address, at) => {
    const mine = framesOf(ours[at]!);
    const other = theirs[at]!;
    const isSame =
      mine.length === other.length &&
      mine.every(({ name, place }, k) => {
        const named =
          name === '' || name === other[k]!.name || name.endsWith(`::${other[k]!.name}`);
        return named && place === other[k]!.place;
      });
    if (!isSame) {
      const text = (frames: readonly OracleFrame[]): string =>
        frames.map(({ name, place }) => `${name} ${place}`).join(' < ');
      found.push(`0x${address.toString(16)}: ${text(mine)} | ${text(other)}`);
    }
  });
  return found;
}

/** Without folder, discriminator, and "?" for lines that are none. */
function shortPlace(place: string): string {
  const match = /([^/]*):(\d+|\?)(?: \(.*\))?$/.exec(place);
  if (match === null || match[2] === '?' || match[2] === '0') return '?';
  return `${match[1]!}:${match[2]!}`;
}
