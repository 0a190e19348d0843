import type { DwarfFile, Unit } from './dwarf-file.ts';

/** Folders, and files, of one table. */
export const MAX_FILES = 1 << 17;

/** Path of a file as the header has it. */
interface FileEntry {
  readonly form: number;
  readonly value: number;
  readonly folder: number;
}

/** The files of a line table by the numbers that rows and calls use. Paths are made when they are asked for. */
export class LineFiles {
  private readonly file: DwarfFile;
  private readonly unit: Unit;
  private readonly isModern: boolean;
  private readonly folderForms: number[] = [];
  private readonly folderValues: number[] = [];
  private readonly entries: FileEntry[] = [];
  private readonly paths = new Map<number, string>();
  private pathBytes = 0;

  constructor({ file, unit, version }: { file: DwarfFile; unit: Unit; version: number }) {
    this.file = file;
    this.unit = unit;
    this.isModern = version >= 5;
  }

  /** Memory kept, bytes. */
  get bytes(): number {
    return this.folderForms.length * 16 + this.entries.length * 60 + this.pathBytes;
  }

  /** Takes the next folder. */
  addFolder(form: number, value: number): void {
    if (this.folderForms.length >= MAX_FILES) return;
    this.folderForms.push(form);
    this.folderValues.push(value);
  }

  /** Takes the next file. */
  addFile(entry: FileEntry): void {
    if (this.entries.length < MAX_FILES) this.entries.push(entry);
  }

  /** The path of a file, absolute if the working folder is told; empty: there is no such file. */
  pathOf(index: number): string {
    const known = this.paths.get(index);
    if (known !== undefined) return known;
    const path = this.makePath(index);
    this.paths.set(index, path);
    this.pathBytes += 80 + 2 * path.length;
    return path;
  }

  /** Files and folders count from 0 since DWARF 5, files from 1 before; folder 0 is the working folder. */
  private makePath(index: number): string {
    const { root } = this.unit;
    const entry = this.entries[this.isModern ? index : index - 1];
    if (entry === undefined) {
      // File 0 of old tables: the unit's own.
      return index === 0 && !this.isModern ? this.within('', this.rootText(root.name)) : '';
    }
    const name = this.text(entry.form, entry.value);
    if (name === '' || name.startsWith('/')) return name;
    return this.within(this.folder(entry.folder), name);
  }

  private folder(index: number): string {
    const at = this.isModern ? index : index - 1;
    const form = this.folderForms[at];
    return form === undefined ? '' : this.text(form, this.folderValues[at]!);
  }

  private within(folder: string, name: string): string {
    if (name === '') return '';
    return join(join(this.rootText(this.unit.root.compDir), folder), name);
  }

  private text(form: number, value: number): string {
    return this.file.text(form, value, { unit: this.unit, inline: 'line' });
  }

  private rootText({ form, value }: { form: number; value: number }): string {
    return this.file.text(form, value, { unit: this.unit });
  }
}

/** `path`, within `folder` unless it is absolute. Only a leading "./" is dropped: "a/../" may lead through a link. */
function join(folder: string, path: string): string {
  if (folder === '' || path.startsWith('/')) return path;
  const rest = path === '.' ? '' : path.replace(/^(\.\/+)+/, '');
  if (rest === '') return folder;
  return folder.endsWith('/') ? folder + rest : `${folder}/${rest}`;
}
