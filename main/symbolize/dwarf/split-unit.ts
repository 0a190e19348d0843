import { DwarfFile, debugSections, type Unit } from './dwarf-file.ts';
import type { RelatedFiles } from './related-files.ts';

/** The unit of a .dwo file that a skeleton stands for. */
export interface SplitUnit {
  readonly file: DwarfFile;
  readonly unit: Unit;
}

/** Opens what a skeleton unit names (DWARF 5, 3.1.2; GNU split DWARF 4); null: no skeleton, or not here. */
export function openSplitUnit(
  skeletonFile: DwarfFile,
  skeleton: Unit,
  related: RelatedFiles,
): SplitUnit | null {
  const { dwoName, compDir } = skeleton.root;
  if (dwoName.form === 0) return null;
  const from = { unit: skeleton };
  const name = skeletonFile.text(dwoName.form, dwoName.value, from);
  const folder = skeletonFile.text(compDir.form, compDir.value, from);
  const elf = name === '' ? null : related.split(folder, name);
  const sections = elf === null ? null : debugSections(elf, '.dwo');
  if (sections === null) return null;
  const { addr, ranges } = skeletonFile.sections;
  const borrowed = { ...(addr && { addr }), ...(ranges && { ranges }) };
  const own = new DwarfFile({ ...sections, ...borrowed });
  const found = own.units.find((unit) => belongs(unit, skeleton));
  if (found === undefined) return null;
  const unit = completed(found, skeleton);
  const units = own.units.map((other) => (other === found ? unit : other));
  return { file: own.withUnits(units), unit };
}

/** By the id that both carry; a file with another one was compiled again since. */
function belongs(unit: Unit, skeleton: Unit): boolean {
  if (!unit.root.hasCode) return false;
  if (unit.dwoId !== '' || skeleton.dwoId !== '') return unit.dwoId === skeleton.dwoId;
  return unit.root.dwoId.form !== 0 && unit.root.dwoId.value === skeleton.root.dwoId.value;
}

/** The split unit's addresses stand in the program's file, where only the skeleton knows its part. */
function completed(unit: Unit, skeleton: Unit): Unit {
  const { addrBase, lowPc, rangesBase } = skeleton.root;
  const isModern = unit.version >= 5;
  const root = {
    ...unit.root,
    isSplit: true,
    addrBase,
    lowPc,
    rangesBase: isModern ? unit.root.rangesBase : rangesBase,
  };
  return { ...unit, root };
}
