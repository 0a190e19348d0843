/** What a scan of one SQL text found, without parsing it. */
export interface SqlScan {
  /** Words outside strings and comments, and quoted names, in lower case. */
  readonly words: readonly string[];
  /** Where the statement ends: at its ";", or at the end of the text. */
  readonly end: number;
  /** Something other than space and comments follows the first ";". */
  readonly hasMore: boolean;
}

/** Comments, strings, quoted names, words, and ";" — in the order SQLite's tokenizer tries them. */
const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'?|"((?:[^"]|"")*)"?|`([^`]*)`?|\[([^\]]*)\]?|([A-Za-z_][\w$]*)|(;)|[^\s]/g;

/** Splits a text into words, so that a query can be judged before it runs. */
export function scanSql(text: string): SqlScan {
  const words: string[] = [];
  let end = -1;
  let hasMore = false;
  for (const match of text.matchAll(TOKEN)) {
    const isComment = match[0].startsWith('--') || match[0].startsWith('/*');
    if (isComment) continue;
    if (end >= 0) {
      hasMore = true;
      break;
    }
    if (match[5] !== undefined) end = match.index;
    const word = match[1] ?? match[2] ?? match[3] ?? match[4];
    if (word !== undefined) words.push(word.toLowerCase());
  }
  return { words, end: end >= 0 ? end : text.length, hasMore };
}
