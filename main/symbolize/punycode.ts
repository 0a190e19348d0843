/** Parameters of RFC 3492, section 5. */
const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const INITIAL_BIAS = 72;
const INITIAL_POINT = 0x80;

/** Punycode as Rust writes it: "_" before the deltas where RFC 3492 has "-". null: damaged. */
export function decodePunycode(encoded: string): string | null {
  const split = encoded.lastIndexOf('_');
  const points = Array.from(encoded.slice(0, Math.max(0, split)), (c) => c.codePointAt(0)!);
  const deltas = encoded.slice(split + 1);
  if (deltas === '') return null;
  let point = INITIAL_POINT;
  let bias = INITIAL_BIAS;
  let position = 0;
  for (let at = 0; at < deltas.length; ) {
    const before = position;
    let weight = 1;
    for (let k = BASE; ; k += BASE) {
      const digit = digitOf(deltas.charCodeAt(at++));
      if (digit < 0) return null;
      position += digit * weight;
      if (position > 0x7fffffff) return null;
      const threshold = Math.min(T_MAX, Math.max(T_MIN, k - bias));
      if (digit < threshold) break;
      weight *= BASE - threshold;
    }
    const count = points.length + 1;
    bias = adaptedBias(position - before, count, before === 0);
    point += Math.floor(position / count);
    position %= count;
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return null;
    points.splice(position++, 0, point);
  }
  return String.fromCodePoint(...points);
}

function digitOf(code: number): number {
  if (code >= 0x61 && code <= 0x7a) return code - 0x61;
  return code >= 0x30 && code <= 0x39 ? code - 0x30 + 26 : -1;
}

function adaptedBias(difference: number, count: number, isFirst: boolean): number {
  let delta = Math.floor(difference / (isFirst ? DAMP : 2));
  delta += Math.floor(delta / count);
  let k = 0;
  while (delta > ((BASE - T_MIN) * T_MAX) / 2) {
    delta = Math.floor(delta / (BASE - T_MIN));
    k += BASE;
  }
  return k + Math.floor(((BASE - T_MIN + 1) * delta) / (delta + SKEW));
}
