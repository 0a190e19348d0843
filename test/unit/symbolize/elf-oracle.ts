import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';

/** A symbol as readelf prints it. */
export interface OracleSymbol {
  readonly start: number;
  readonly size: number;
  readonly name: string;
  /** End of its section. */
  readonly sectionEnd: number;
}

const run = (command: string, args: readonly string[]): string =>
  execFileSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });

/** Code symbols of .symtab (or .dynsym) by binutils. */
export function symbolsByReadelf(path: string, table: '.symtab' | '.dynsym'): OracleSymbol[] {
  const sections = sectionsByReadelf(path);
  const symbols: OracleSymbol[] = [];
  let inTable = false;
  for (const line of run('readelf', ['-sW', path]).split('\n')) {
    if (line.startsWith('Symbol table')) inTable = line.includes(`'${table}'`);
    if (!inTable) continue;
    const match =
      /^\s*\d+: ([0-9a-f]+)\s+(0x[0-9a-f]+|\d+) (\w+)\s+\w+\s+\w+\s+(?:\[.*?\]\s+)?(\w+) (\S+)/.exec(
        line,
      );
    if (match === null) continue;
    const [, value, size, type, index, name] = match;
    const section = sections.get(Number(index));
    if (section === undefined || Number(index) === 0 || name!.startsWith('$')) continue;
    if (type !== 'FUNC' && type !== 'IFUNC' && !(type === 'NOTYPE' && section.isCode)) continue;
    symbols.push({
      start: Number.parseInt(value!, 16),
      size: Number(size),
      name: withoutVersion(name!),
      sectionEnd: section.end,
    });
  }
  return symbols;
}

/** Names a lookup may give: those of the innermost symbol; null alone: no name. */
export function namesByOracle(
  symbols: readonly OracleSymbol[],
  address: number,
): ReadonlySet<string | null> {
  const covering = symbols.filter(
    (s) => s.size > 0 && s.start <= address && address < s.start + s.size,
  );
  if (covering.length > 0) return innermost(covering);
  const before = symbols.filter((s) => s.start <= address);
  const nearest = Math.max(...before.map((s) => s.start));
  const labels = before.filter(
    (s) => s.start === nearest && s.size === 0 && address < s.sectionEnd,
  );
  const isInside = symbols.some(
    (s) => s.size > 0 && s.start <= nearest && nearest < s.start + s.size,
  );
  return labels.length > 0 && !isInside ? innermost(labels) : new Set([null]);
}

function innermost(symbols: readonly OracleSymbol[]): ReadonlySet<string> {
  const start = symbols.reduce((latest, s) => Math.max(latest, s.start), 0);
  return new Set(symbols.filter((s) => s.start === start).map((s) => s.name));
}

export const withoutVersion = (name: string): string => name.replace(/@.*$/, '');

function sectionsByReadelf(path: string): Map<number, { end: number; isCode: boolean }> {
  const sections = new Map<number, { end: number; isCode: boolean }>();
  for (const line of run('readelf', ['-SW', path]).split('\n')) {
    const match =
      /^\s*\[\s*(\d+)\] (?:\S+)?\s+[A-Z_0-9]+\s+([0-9a-f]{8,16}) [0-9a-f]+ ([0-9a-f]+) [0-9a-f]+ ([A-Za-z ]*)/.exec(
        line,
      );
    if (match === null) continue;
    const start = Number.parseInt(match[2]!, 16);
    const size = Number.parseInt(match[3]!, 16);
    sections.set(Number(match[1]), {
      end: start + size,
      isCode: /^[A-Z]*X/.test(match[4]!.trim()),
    });
  }
  return sections;
}

/** Build id by readelf; empty: none. */
export const buildIdByReadelf = (path: string): string =>
  /Build ID: ([0-9a-f]+)/.exec(run('readelf', ['-nW', path]))?.[1] ?? '';

/** Real ELF files of the system: `count` spread over programs and libraries, and node. */
export function systemImages(count: number): string[] {
  const found = new Set<string>();
  for (const folder of ['/usr/bin', '/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib'])
    for (const path of elfFilesIn(folder)) found.add(path);
  const all = [...found].sort();
  const step = Math.max(1, Math.floor(all.length / count));
  const always = all.filter((path) => /\/(libc\.so|libstdc\+\+\.so)/.test(path));
  return [
    ...new Set([
      ...always,
      realpathSync(process.execPath),
      ...all.filter((_, i) => i % step === 0),
    ]),
  ];
}

/** Separate debug files, the only ones with a whole .symtab on most systems. */
export function systemDebugFiles(count: number): string[] {
  const folder = '/usr/lib/debug/.build-id';
  const found: string[] = [];
  for (const sub of listed(folder)) {
    for (const name of listed(`${folder}/${sub}`)) {
      const path = `${folder}/${sub}/${name}`;
      if (statSync(path).size < 20 << 20) found.push(path);
      if (found.length >= count) return found;
    }
  }
  return found;
}

function elfFilesIn(folder: string): string[] {
  const found: string[] = [];
  for (const name of listed(folder)) {
    try {
      const path = realpathSync(`${folder}/${name}`);
      const stat = statSync(path);
      if (!stat.isFile() || stat.size > 40 << 20 || stat.size < 4096) continue;
      if (!/\.so[.\d]*$|\/bin\//.test(path)) continue;
      if (readFileSync(path).readUInt32BE(0) === 0x7f454c46) found.push(path);
    } catch {
      // A dangling link.
    }
  }
  return found;
}

const listed = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};
