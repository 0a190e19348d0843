import { bufferSource } from '../elf/byte-source.ts';
import {
  ElfFile,
  type ElfSection,
  SHF_EXECINSTR,
  SHT_DYNSYM,
  SHT_SYMTAB,
} from '../elf/elf-file.ts';
import type { SymbolColumns } from './symbol-table.ts';

const STT_NOTYPE = 0;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
const STB_LOCAL = 0;
/** Section indexes from here on are no sections: SHN_ABS, SHN_COMMON. */
const SHN_LORESERVE = 0xff00;
/** Unpacked .gnu_debugdata; Fedora's largest are a few MiB. */
const MAX_MINI_DEBUG_BYTES = 64 << 20;

/** Unpacks .xz within a limit; as loadXzDecode() of main/ffi gives it. */
export type XzDecode = (compressed: Uint8Array, limitBytes: number) => Uint8Array | null;

/** Functions of .symtab; null: the file is stripped of it, or it is damaged. */
export function readSymtab(elf: ElfFile): SymbolColumns | null {
  return readSymbols(elf, SHT_SYMTAB);
}

/** Functions of .dynsym, the exported ones. */
export function readDynsym(elf: ElfFile): SymbolColumns | null {
  return readSymbols(elf, SHT_DYNSYM);
}

/** Functions of the .symtab packed into .gnu_debugdata: the ones .dynsym lacks (Fedora, RHEL). */
export function readMiniDebug(elf: ElfFile, decode: () => XzDecode | null): SymbolColumns | null {
  const section = elf.sectionNamed('.gnu_debugdata');
  const packed = section === undefined ? null : elf.sectionBytes(section);
  if (packed === null) return null;
  const unpacked = decode()?.(packed, MAX_MINI_DEBUG_BYTES) ?? null;
  if (unpacked === null) return null;
  const inner = ElfFile.parse(bufferSource(unpacked));
  return inner.ok ? readSymtab(inner.value) : null;
}

/** Both, as one. */
export function joinSymbols(a: SymbolColumns, b: SymbolColumns): SymbolColumns {
  const name = new Uint32Array(a.name.length + b.name.length);
  name.set(a.name);
  name.set(
    b.name.map((offset) => offset + a.names.length),
    a.name.length,
  );
  const rank = new Uint8Array(name.length);
  rank.set(a.rank);
  rank.set(b.rank, a.rank.length);
  return {
    start: joined(a.start, b.start),
    size: joined(a.size, b.size),
    sectionEnd: joined(a.sectionEnd, b.sectionEnd),
    name,
    rank,
    names: Buffer.concat([a.names, b.names]),
  };
}

function joined(a: Float64Array, b: Float64Array): Float64Array {
  const both = new Float64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function readSymbols(elf: ElfFile, type: number): SymbolColumns | null {
  const table = elf.sections.find((section) => section.type === type);
  const strings = table === undefined ? undefined : elf.sections[table.link];
  if (table === undefined || strings === undefined) return null;
  const bytes = elf.sectionBytes(table);
  const names = elf.sectionBytes(strings);
  if (bytes === null || names === null) return null;
  return collectFunctions(elf, bytes, names);
}

/**
 * Elf64_Sym in u32 words: name, info | other | section index, value low, high, size low, high.
 * Elf32_Sym: name, value, size, info | other | section index.
 */
function collectFunctions(elf: ElfFile, bytes: Buffer, names: Buffer): SymbolColumns {
  const stride = elf.is64 ? 6 : 4;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  const infoWord = elf.is64 ? 1 : 3;
  const valueWord = elf.is64 ? 2 : 1;
  const sizeWord = elf.is64 ? 4 : 2;
  const count = Math.floor(words.length / stride);
  const start = new Float64Array(count);
  const size = new Float64Array(count);
  const name = new Uint32Array(count);
  const rank = new Uint8Array(count);
  const sectionEnd = new Float64Array(count);
  let used = 0;
  for (let base = 0; base < count * stride; base += stride) {
    const info = words[base + infoWord]!;
    const section = sectionOf(elf, info >>> 16);
    if (section === undefined || !isCode(info, section)) continue;
    const nameAt = words[base]!;
    const first = names[nameAt];
    // 0x24 '$': mapping symbols of the assembler ($x, $d), no names.
    if (first === undefined || first === 0 || (first === 0x24 && (info & 15) === STT_NOTYPE))
      continue;
    const high = elf.is64 ? 1 : 0;
    start[used] = words[base + valueWord]! + words[base + valueWord + high]! * high * 2 ** 32;
    size[used] = words[base + sizeWord]! + words[base + sizeWord + high]! * high * 2 ** 32;
    if (!Number.isSafeInteger(start[used]! + size[used]!)) continue;
    name[used] = nameAt;
    rank[used] = rankOf(info);
    sectionEnd[used] = section.vaddr + section.bytes;
    used++;
  }
  return {
    start: start.slice(0, used),
    size: size.slice(0, used),
    name: name.slice(0, used),
    rank: rank.slice(0, used),
    sectionEnd: sectionEnd.slice(0, used),
    names,
  };
}

function sectionOf(elf: ElfFile, index: number): ElfSection | undefined {
  return index === 0 || index >= SHN_LORESERVE ? undefined : elf.sections[index];
}

/** Functions anywhere; labels without a type (assembly) only in sections with code. */
function isCode(info: number, section: ElfSection): boolean {
  const type = info & 15;
  if (type === STT_FUNC || type === STT_GNU_IFUNC) return true;
  return type === STT_NOTYPE && (section.flags & SHF_EXECINSTR) !== 0;
}

/**
 * Functions before labels, exported before local. Weak counts as exported: `read` is weak and
 * `__read` is not, and people know the first.
 */
function rankOf(info: number): number {
  const isFunction = (info & 15) !== STT_NOTYPE;
  const isExported = ((info >>> 4) & 15) !== STB_LOCAL;
  return (isFunction ? 2 : 0) + (isExported ? 1 : 0);
}
