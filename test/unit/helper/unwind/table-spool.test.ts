import {
  closeSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  openTablePlace,
  SpooledTables,
  tablesIn,
} from '../../../../main/helper/unwind/table-spool.ts';
import { NONE_RULE } from '../../../../main/unwind/known-rules.ts';
import type { UnwindTable } from '../../../../main/unwind/unwind-table.ts';

const tableOf = (rows: number): UnwindTable => ({
  base: 65_536,
  addresses: Uint32Array.from({ length: rows }, (_, row) => row),
  ruleIndexes: new Uint16Array(rows),
  rules: [NONE_RULE],
});
const OWN = `${process.pid}.spool`;
/** No process has such a number: above PID_MAX_LIMIT. */
const GONE = '4194305.spool';

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'emberscope-spool-'));
  folder = join(parent, 'unwind');
});
afterEach(() => rmSync(parent, { recursive: true }));

/** What one recording leaves behind, under the name of a process that has ended. */
function recorded(tables: Readonly<Record<string, UnwindTable>>): string {
  const place = openTablePlace(folder);
  const spooled = new SpooledTables(place);
  for (const [buildId, table] of Object.entries(tables)) spooled.write(buildId, table);
  closeSync(place.spoolFd);
  renameSync(join(folder, OWN), join(folder, GONE));
  return join(folder, GONE);
}
/** What the next recording finds. */
function found(...buildIds: readonly string[]): (UnwindTable | null)[] {
  const place = openTablePlace(folder);
  try {
    const tables = new SpooledTables(place);
    return buildIds.map((buildId) => tables.read(buildId));
  } finally {
    closeSync(place.spoolFd);
  }
}

describe('openTablePlace', () => {
  it('sorts what the last recording spooled into the cache', () => {
    recorded({ c0ffee: tableOf(100), beef: tableOf(3) });
    expect(found('c0ffee', 'beef', 'dead')).toEqual([tableOf(100), tableOf(3), null]);
    expect(readdirSync(folder).sort()).toEqual([OWN, 'beef.unwind', 'c0ffee.unwind'].sort());
  });

  it('keeps the whole tables of a spool that is cut short', () => {
    const path = recorded({ c0ffee: tableOf(100), beef: tableOf(100) });
    truncateSync(path, readFileSync(path).length - 1);
    expect(found('c0ffee', 'beef')).toEqual([tableOf(100), null]);
  });

  it('leaves the spool of a recording that still runs', () => {
    recorded({ c0ffee: tableOf(5) });
    renameSync(join(folder, GONE), join(folder, '1.spool'));
    expect(found('c0ffee')).toEqual([null]);
    expect(readdirSync(folder)).toContain('1.spool');
  });

  it('does not follow a link in place of a spool', () => {
    const path = recorded({ c0ffee: tableOf(5) });
    renameSync(path, join(parent, 'elsewhere'));
    symlinkSync(join(parent, 'elsewhere'), path);
    expect(found('c0ffee')).toEqual([null]);
  });

  it('has no spool where the folder cannot be had', () => {
    writeFileSync(folder, 'a file');
    expect(openTablePlace(folder)).toEqual({ folder, spoolFd: -1 });
    expect(() =>
      new SpooledTables({ folder, spoolFd: -1 }).write('c0ffee', tableOf(1)),
    ).not.toThrow();
  });
});

describe('SpooledTables', () => {
  it('creates nothing: what it writes is in the spool alone', () => {
    const place = openTablePlace(folder);
    new SpooledTables(place).write('c0ffee', tableOf(9));
    closeSync(place.spoolFd);
    expect(readdirSync(folder)).toEqual([OWN]);
    expect([...tablesIn(readFileSync(join(folder, OWN)))]).toEqual([
      { buildId: 'c0ffee', table: tableOf(9) },
    ]);
  });
});

describe('tablesIn', () => {
  it('reads nothing from nothing, and stops at the first damage', () => {
    expect([...tablesIn(null)]).toEqual([]);
    const bytes = readFileSync(recorded({ c0ffee: tableOf(4), beef: tableOf(4) }));
    for (let at = 0; at < bytes.length; at++) {
      const spoilt = Uint8Array.from(bytes);
      spoilt[at] = spoilt[at]! ^ 0xff;
      expect([...tablesIn(spoilt)].length).toBeLessThan(3);
    }
    expect([...tablesIn(bytes)].map(({ buildId }) => buildId)).toEqual(['c0ffee', 'beef']);
  });

  it('takes no length at its word', () => {
    const claim = new Uint8Array(64);
    new DataView(claim.buffer).setUint32(0, 0xffff_ffff, true);
    expect([...tablesIn(claim)]).toEqual([]);
  });
});
