import { describe, expect, it } from 'vitest';
import { ProfileModel } from '../../../renderer/worker/profile-model.ts';
import { DEFAULT_VIEW } from '../../../renderer/worker/profile-protocol.ts';
import { SIZE_100K, syntheticTables } from '../../support/synthetic-tables.ts';

describe('ProfileModel', () => {
  it('keeps the picture of 100 000 samples small, inverted too, without losing weight', () => {
    const tables = syntheticTables(SIZE_100K);
    const model = new ProfileModel();
    const upright = model.picture(tables, DEFAULT_VIEW, 0).flame;
    const inverted = model.picture(tables, { ...DEFAULT_VIEW, inverted: true }, 0).flame;
    const selfOf = (column: Float64Array) => column.reduce((sum, value) => sum + value, 0);
    expect([upright, inverted].map((flame) => [flame.total[0], selfOf(flame.self)])).toEqual([
      [100_000, 100_000],
      [100_000, 100_000],
    ]);
    expect(upright.length).toBeLessThanOrEqual(tables.stacks.length + 1);
    // Without its limit the inverted tree has more than 800 000 nodes.
    expect(inverted.length).toBeLessThan(300_000);
  });
});
