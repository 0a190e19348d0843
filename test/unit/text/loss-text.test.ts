import { describe, expect, it } from 'vitest';
import type { LossReason } from '../../../main/shared/model/session-info.ts';
import { describeLoss, LOSS_REASONS, lostSamples } from '../../../main/shared/text/loss-text.ts';

/** Fails to compile when a reason is missing from the list. */
const MISSING: [Exclude<LossReason, (typeof LOSS_REASONS)[number]>] extends [never] ? true : never =
  true;

describe('describeLoss', () => {
  it.each(LOSS_REASONS)('says what %s means and what to do', (reason) => {
    const { quantity, sentence, remedy } = describeLoss({ reason, count: 2 });
    expect(MISSING).toBe(true);
    expect(quantity).toMatch(/^2 [a-z]+s$/);
    expect(`${sentence} ${remedy}`).toMatch(/^[A-Z][^\n]+\. [A-Z][^\n]+\.$/);
  });
});

describe('lostSamples', () => {
  it('counts missing samples, not shortened ones or other records', () => {
    const loss = LOSS_REASONS.map((reason, at) => ({ reason, count: 10 ** at }));
    expect(lostSamples(loss)).toBe(111);
  });
});
