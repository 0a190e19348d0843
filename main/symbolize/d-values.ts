import type { DCursor } from './d-cursor.ts';

const MAX_ELEMENTS = 64;
const SUFFIX: ReadonlyMap<string, string> = new Map([
  ['k', 'u'],
  ['l', 'L'],
  ['m', 'uL'],
  ['h', 'u'],
  ['t', 'u'],
]);

/** A template argument that is a value ("Value" in the ABI); `kind`: first letter of its type. null: none. */
export function readDValue(
  cursor: DCursor,
  { kind, type }: { readonly kind: string; readonly type: string },
): string | null {
  if (cursor.take('n')) return 'null';
  if (cursor.take('N')) return signed(cursor, '-', kind);
  if (/^[auw]$/.test(cursor.peek())) return text(cursor);
  if (cursor.take('A')) return list(cursor, '[', ']');
  if (cursor.take('S')) return list(cursor, `${type}(`, ')');
  if (cursor.take('e')) return float(cursor);
  cursor.take('i');
  return signed(cursor, '', kind);
}

function signed(cursor: DCursor, sign: string, kind: string): string | null {
  const value = cursor.number();
  if (value === null) return null;
  if (kind === 'b') return value === 0 ? 'false' : 'true';
  if (/^[auw]$/.test(kind)) return character(value);
  return `${sign}${value}${SUFFIX.get(kind) ?? ''}`;
}

function character(value: number): string {
  if (value >= 0x20 && value < 0x7f) return `'${String.fromCharCode(value)}'`;
  const [mark, digits] = value < 0x100 ? ['x', 2] : value < 0x10000 ? ['u', 4] : ['U', 8];
  return `'\\${mark}${value.toString(16).padStart(digits, '0')}'`;
}

/** Length in bytes, "_", two hexadecimal digits per byte. */
function text(cursor: DCursor): string | null {
  cursor.at++;
  const length = cursor.number();
  if (length === null || !cursor.take('_')) return null;
  const digits = cursor.characters(2 * length);
  if (digits === null || !/^[0-9a-f]*$/.test(digits)) return null;
  return JSON.stringify(Buffer.from(digits, 'hex').toString('utf8'));
}

function list(cursor: DCursor, before: string, after: string): string | null {
  const count = cursor.number();
  const items: string[] = [];
  if (count === null || count > MAX_ELEMENTS) return null;
  while (items.length < count) {
    const item = cursor.nested(() => readDValue(cursor, { kind: '', type: '' }));
    if (item === null) return null;
    items.push(item);
  }
  return before + items.join(', ') + after;
}

/** Hexadecimal digits of the mantissa, "P", the exponent, each with "N" if it is negative. */
function float(cursor: DCursor): string | null {
  if (cursor.take('NAN')) return 'NaN';
  if (cursor.take('INF')) return 'Inf';
  if (cursor.take('NINF')) return '-Inf';
  const match = /^(N?)([0-9A-F]{1,32})P(N?)([0-9]{1,6})/.exec(
    cursor.text.slice(cursor.at, cursor.at + 64),
  );
  if (match === null) return null;
  cursor.at += match[0].length;
  const [, sign, digits, below, exponent] = match;
  const fraction = digits!.length > 1 ? `.${digits!.slice(1)}` : '';
  return `${sign ? '-' : ''}0x${digits![0]!}${fraction}p${below ? '-' : ''}${exponent!}`;
}
