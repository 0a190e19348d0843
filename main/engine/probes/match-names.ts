import type { ProbeQuery } from '#shared/model/probe-list.ts';

/** Indexes of the names that match, in the order to show them, and how many there are in all. */
export function matchNames(
  names: readonly string[],
  { query, offset, limit }: Pick<ProbeQuery, 'query' | 'offset' | 'limit'>,
): { readonly rows: readonly number[]; readonly total: number } {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const tests = words.map(testOf);
  const first = words[0] ?? '';
  const found: number[] = [];
  for (const [row, name] of names.entries()) {
    const lower = name.toLowerCase();
    if (tests.every((test) => test(lower))) found.push(row);
  }
  const begins = (row: number): boolean => names[row]!.toLowerCase().startsWith(first);
  found.sort(
    (a, b) =>
      Number(begins(b)) - Number(begins(a)) ||
      (first === '' ? 0 : names[a]!.length - names[b]!.length) ||
      (names[a]! < names[b]! ? -1 : 1),
  );
  return { rows: found.slice(offset, offset + limit), total: found.length };
}

function testOf(word: string): (name: string) => boolean {
  if (!word.includes('*')) return (name) => name.includes(word);
  const parts = word.split(/\*+/).map((part) => part.replaceAll(/[.\\^$|?+()[\]{}]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`);
  return (name) => expression.test(name);
}
