/** Names proposed at most. */
const MOST = 5;
/** Longer names are not compared letter by letter. */
const MAX_COMPARED = 64;

/** Names a person may have meant: nearly the same letters, or the word as a part; best first. */
export function nearNames(wanted: string, names: Iterable<string>): readonly string[] {
  const word = wanted.toLowerCase();
  if (word === '') return [];
  const allowed = word.length < 4 ? 1 : word.length < 9 ? 2 : 3;
  const found = new Map<string, number>();
  for (const name of names) {
    if (name === '' || found.has(name)) continue;
    const other = name.toLowerCase();
    const distance = distanceWithin(word, other, allowed);
    if (distance !== null) found.set(name, distance);
    else if (other.includes(word)) found.set(name, allowed + other.length - word.length);
  }
  const ranked = [...found].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
  return ranked.slice(0, MOST).map(([name]) => name);
}

/** Letters to insert, remove or replace (Levenshtein); null: more than `limit`. */
function distanceWithin(a: string, b: string, limit: number): number | null {
  if (Math.abs(a.length - b.length) > limit || b.length > MAX_COMPARED) return null;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same));
    }
    if (Math.min(...next) > limit) return null;
    row = next;
  }
  const distance = row[b.length]!;
  return distance <= limit ? distance : null;
}
