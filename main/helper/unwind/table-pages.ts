import { UNWIND_LIMITS } from '../../capture/wire/records.ts';
import { NONE_INDEX } from '../../unwind/known-rules.ts';
import type { UnwindTable } from '../../unwind/unwind-table.ts';

const PAGE_BYTES = 2 ** UNWIND_LIMITS.pageShift;

/** Rows of one page as the kernel searches them; empty: nothing is known of the page. */
export type PageRows = Uint32Array;

/** Pages of a table: from its base to its last row. */
export const pageCountOf = ({ addresses }: UnwindTable): number =>
  addresses.length === 0 ? 0 : Math.floor(addresses.at(-1)! / PAGE_BYTES) + 1;

/**
 * Cuts a table in pages. A page's first row holds from its first byte: the one that was in force there.
 * `toBook`: rule index of the table → index in the kernel's map of rules.
 */
export function* pagesOf(table: UnwindTable, toBook: Uint16Array): Generator<PageRows> {
  const { addresses, ruleIndexes } = table;
  const rows = new Uint32Array(PAGE_BYTES);
  let row = 0;
  let inForce = NONE_INDEX;
  for (let page = 0; page < pageCountOf(table); page++) {
    const start = page * PAGE_BYTES;
    const end = start + PAGE_BYTES;
    let count = 0;
    if (addresses[row]! > start) rows[count++] = toBook[inForce]! * PAGE_BYTES;
    for (; row < addresses.length && addresses[row]! < end; row++) {
      inForce = ruleIndexes[row]!;
      rows[count++] = toBook[inForce]! * PAGE_BYTES + (addresses[row]! - start);
    }
    const isEmpty = count === 1 && inForce === NONE_INDEX;
    yield rows.slice(0, isEmpty ? 0 : count);
  }
}
