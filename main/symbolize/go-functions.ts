import { type ElfFile, type ElfSection, SHF_EXECINSTR } from '../elf/elf-file.ts';
import type { SymbolColumns } from './symbol-table.ts';

/** Header of the table since Go 1.20, and as 1.18 and 1.19 wrote it (debug/gosym/pclntab.go). */
const MAGICS = [0xfffffff1, 0xfffffff0];
/** magic, two zeros, instruction quantum, pointer size; then eight words. */
const HEADER_BYTES = 8 + 8 * 8;
/** Function's entry and where its facts are, bytes each 4. */
const ENTRY_BYTES = 8;
/** More than any program has. */
const MAX_FUNCTIONS = 1 << 21;
/** Word of runtime.moduledata that holds the address of the first function's code (runtime/symtab.go). */
const TEXT_WORD = 22;
const FUNCTION_RANK = 2;
/** int3: what lies between Go's functions. */
const BREAKPOINT = 0xcc;

/**
 * Functions of a Go program by the table its own runtime unwinds with, which stripping leaves in place:
 * names as Go writes them, with their packages. null: no such table, or one of another version.
 */
export function readGoFunctions(elf: ElfFile): SymbolColumns | null {
  const section = elf.sections.find(({ name }) => /^(?:\.data\.rel\.ro)?\.gopclntab$/.test(name));
  const bytes = section === undefined ? null : elf.sectionBytes(section);
  if (bytes === null || bytes.length < HEADER_BYTES) return null;
  if (!MAGICS.includes(bytes.readUInt32LE(0)) || bytes[7] !== 8) return null;
  const word = (index: number): number => wordAt(bytes, 8 + 8 * index);
  const [count, namesAt, namesEnd, functionsAt] = [word(0), word(3), word(4), word(7)];
  const text = sectionOfCode(elf, word(2) === 0 ? textOfModule(elf) : word(2));
  const tableBytes = count * ENTRY_BYTES + 4;
  if (text === null || !(count > 0 && count <= MAX_FUNCTIONS)) return null;
  if (!(functionsAt + tableBytes <= bytes.length)) return null;
  if (!(namesAt < namesEnd && namesEnd <= bytes.length)) return null;
  return collect(bytes.subarray(functionsAt), bytes.subarray(namesAt, namesEnd), {
    count,
    ...text,
  });
}

interface Code {
  /** ELF virtual address that entries count from. */
  readonly start: number;
  /** From there to the end of its section. */
  readonly bytes: Buffer;
}

/** `table`: entries, the end of the last function, then each function's facts: entry, offset of its name. */
function collect(
  table: Buffer,
  names: Buffer,
  { count, start: text, bytes: code }: Code & { readonly count: number },
): SymbolColumns {
  const start = new Float64Array(count);
  const size = new Float64Array(count);
  const name = new Uint32Array(count);
  let used = 0;
  const end = text + code.length;
  for (let index = 0; index < count; index++) {
    const at = index * ENTRY_BYTES;
    const first = table.readUInt32LE(at);
    const factsAt = table.readUInt32LE(at + 4);
    const next = table.readUInt32LE(at + ENTRY_BYTES);
    if (factsAt + 8 > table.length || next <= first || text + next > end) continue;
    const nameAt = table.readUInt32LE(factsAt + 4);
    if ((names[nameAt] ?? 0) === 0) continue;
    start[used] = text + first;
    size[used] = endOf(code, first, next) - first;
    name[used] = nameAt;
    used++;
  }
  return {
    start: start.slice(0, used),
    size: size.slice(0, used),
    name: name.slice(0, used),
    rank: new Uint8Array(used).fill(FUNCTION_RANK),
    sectionEnd: new Float64Array(used).fill(end),
    names,
  };
}

/** A function ends where its padding begins: a return address behind its last call lies there and is no place in it. */
function endOf(code: Buffer, start: number, next: number): number {
  let end = next;
  while (end > start + 1 && code[end - 1] === BREAKPOINT) end--;
  return end;
}

/** Where the module's own record says that its code begins: since Go 1.26 the table does not; 0: unknown. */
function textOfModule(elf: ElfFile): number {
  const section = elf.sectionNamed('.go.module');
  const bytes = section === undefined ? null : elf.sectionSlice(section, 0, 8 * (TEXT_WORD + 1));
  return bytes === null ? 0 : wordAt(bytes, 8 * TEXT_WORD);
}

function sectionOfCode(elf: ElfFile, address: number): Code | null {
  const holds = ({ flags, vaddr, bytes }: ElfSection): boolean =>
    (flags & SHF_EXECINSTR) !== 0 && address >= vaddr && address < vaddr + bytes;
  const section = elf.sections.find(holds);
  const code = section === undefined ? null : elf.sectionBytes(section);
  return section === undefined || code === null
    ? null
    : { start: address, bytes: code.subarray(address - section.vaddr) };
}

/** Above 2^53 it is inexact, and then too large to pass any bounds check. */
const wordAt = (bytes: Buffer, at: number): number =>
  bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32;
