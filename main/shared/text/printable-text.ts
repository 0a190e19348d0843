/**
 * Names come from outside: any process may call itself or its functions what it likes. Printed raw,
 * control characters could move a terminal's cursor or run its escape sequences, and direction
 * overrides could make a line read backwards.
 */

/** C0 and C1 controls, line and paragraph separators, direction marks, byte order mark, lone surrogates. */
const UNPRINTABLE =
  /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu;

/** The text with every unprintable character written as \xHH or \uHHHH. One line stays one line. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** printable() for text of several lines: line feeds and tabs stay. */
export const printableLines = (text: string): string => text.replace(/[^\n\t]+/g, printable);

/** JSON text with every unprintable character inside it as a JSON escape: the same value. */
export function escapeUnprintable(json: string): string {
  return json.replace(UNPRINTABLE, (character) =>
    // JSON.stringify has escaped line feeds in strings; those left are layout.
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The text with every unprintable character replaced by `substitute`. */
export function withoutUnprintable(text: string, substitute: string): string {
  return text.replace(UNPRINTABLE, substitute);
}

/** printable(), and at most `width` characters: the middle of a longer text becomes an ellipsis. */
export function fitted(text: string, width: number): string {
  const characters = Array.from(printable(text));
  if (characters.length <= width) return characters.join('');
  const head = Math.ceil((width - 1) / 2);
  const tail = width - 1 - head;
  return `${characters.slice(0, head).join('')}…${tail > 0 ? characters.slice(-tail).join('') : ''}`;
}
