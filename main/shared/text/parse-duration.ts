const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };

/** "250us", "10 ms", "1.5s" in whole ns; a bare number is ms. null: no duration. */
export function parseDuration(text: string): number | null {
  const found = /^\s*(\d+(?:\.\d+)?)\s*([a-zµ]*)\s*$/.exec(text);
  if (found === null) return null;
  const unit = UNITS[found[2] === '' ? 'ms' : (found[2] ?? '')];
  return unit === undefined ? null : Math.round(Number(found[1]) * unit);
}
