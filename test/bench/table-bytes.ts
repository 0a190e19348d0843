import { pageCountOf, pagesOf } from '../../main/helper/unwind/table-pages.ts';
import type { UnwindTable } from '../../main/unwind/unwind-table.ts';

/** struct unwind_page of native-bpf/wire.h, bytes. */
const PAGE_ENTRY_BYTES = 8;

/** What a table takes in the kernel's maps, bytes: its rows, page by page, and an entry per page. */
export function kernelTableBytes(table: UnwindTable): number {
  const rules = Uint16Array.from(table.rules, (_, index) => index);
  let rows = 0;
  for (const page of pagesOf(table, rules)) rows += page.length;
  return rows * Uint32Array.BYTES_PER_ELEMENT + pageCountOf(table) * PAGE_ENTRY_BYTES;
}
