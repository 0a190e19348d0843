/**
 * Rust's first mangling: an Itanium name whose last part is a hash, e.g.
 * "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE". The hash is left out. null: no such name.
 */
export function demangleRustLegacy(mangled: string): string | null {
  if (!mangled.startsWith('_ZN')) return null;
  const parts: string[] = [];
  let at = 3;
  while (mangled[at] !== 'E') {
    const digits = /^[1-9][0-9]{0,5}/.exec(mangled.slice(at, at + 6))?.[0];
    if (digits === undefined) return null;
    at += digits.length;
    const length = Number(digits);
    if (at + length >= mangled.length) return null;
    parts.push(mangled.slice(at, at + length));
    at += length;
  }
  const hash = parts.pop();
  if (hash === undefined || parts.length === 0 || !isHash(hash)) return null;
  const names: string[] = [];
  for (const part of parts) {
    const name = unescapePart(part);
    if (name === null) return null;
    names.push(name);
  }
  return names.join('::') + suffixOf(mangled.slice(at + 1));
}

/** What a compiler appended (".cold"), without the numbers that only keep copies apart. */
export function suffixOf(rest: string): string {
  return rest.replace(/\.llvm\.[0-9A-F@]+/, '').replace(/\.[0-9]+$/, '');
}

/** "h" and 16 digits; C++ names of that form do not show five different digits (libiberty's test). */
function isHash(part: string): boolean {
  return /^h[0-9a-f]{16}$/.test(part) && new Set(part.slice(1)).size >= 5;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['SP', '@'],
  ['BP', '*'],
  ['RF', '&'],
  ['LT', '<'],
  ['GT', '>'],
  ['LP', '('],
  ['RP', ')'],
  ['C', ','],
]);

/** Undoes "$LT$", "$u20$" and ".." of one part; null: an escape that Rust does not write. */
function unescapePart(part: string): string | null {
  // A part may not begin with an escape: an underscore stands before it.
  let rest = part.startsWith('_$') ? part.slice(1) : part;
  let text = '';
  while (rest !== '') {
    if (rest.startsWith('..')) {
      text += '::';
      rest = rest.slice(2);
    } else if (rest.startsWith('$')) {
      const end = rest.indexOf('$', 1);
      const character = end < 0 ? null : unescape(rest.slice(1, end));
      if (character === null) return null;
      text += character;
      rest = rest.slice(end + 1);
    } else {
      const plain = /^(?:[^.$]+|\.)/.exec(rest)![0];
      text += plain;
      rest = rest.slice(plain.length);
    }
  }
  return text;
}

function unescape(escape: string): string | null {
  const known = ESCAPES.get(escape);
  if (known !== undefined) return known;
  const code = /^u([0-9a-f]{1,6})$/.exec(escape)?.[1];
  if (code === undefined) return null;
  const point = Number.parseInt(code, 16);
  const isSurrogate = point >= 0xd800 && point < 0xe000;
  return point < 0x20 || point > 0x10ffff || isSurrogate ? null : String.fromCodePoint(point);
}
