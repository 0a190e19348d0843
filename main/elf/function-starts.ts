import { type ElfFile, type ElfSection, SHT_DYNSYM, SHT_SYMTAB } from './elf-file.ts';

/** Elf64_Sym (gABI, "Symbol Table"), bytes. */
const SYMBOL_BYTES = 24;
const [INFO_AT, SECTION_AT, VALUE_AT] = [4, 6, 8];
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;

/** Whether a 64-bit file has a symbol of a function that begins at a virtual address. */
export const hasFunctionAt = (elf: ElfFile, vaddr: number): boolean =>
  elf.is64 &&
  elf.sections.some(
    (section) =>
      (section.type === SHT_SYMTAB || section.type === SHT_DYNSYM) &&
      isDefinedIn(elf, section, BigInt(vaddr)),
  );

function isDefinedIn(elf: ElfFile, table: ElfSection, vaddr: bigint): boolean {
  const symbols = elf.sectionBytes(table);
  if (symbols === null) return false;
  for (let at = 0; at + SYMBOL_BYTES <= symbols.length; at += SYMBOL_BYTES) {
    const type = symbols[at + INFO_AT]! & 15;
    if (type !== STT_FUNC && type !== STT_GNU_IFUNC) continue;
    // Section 0: it is another file's.
    if (symbols.readUInt16LE(at + SECTION_AT) === 0) continue;
    if (symbols.readBigUInt64LE(at + VALUE_AT) === vaddr) return true;
  }
  return false;
}
