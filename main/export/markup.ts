/** What XML and HTML cannot hold even as a character reference. */
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A text for element content or a quoted attribute of XML or HTML. Forbidden characters become "?". */
export const escapeMarkup = (text: string): string =>
  text.replace(FORBIDDEN, '?').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

/**
 * JSON that can stand inside a script element: nothing in it can end the element or open a comment,
 * and it is still the same JSON.
 */
export const scriptSafeJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
