/** Index of the last of ascending values that is not above `limit`; -1: all are. */
export function lastAtOrBelow(ascending: Float64Array | Uint32Array, limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
