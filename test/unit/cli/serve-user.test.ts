import { describe, expect, it } from 'vitest';
import { keptCapabilities } from '../../../main/cli/serve-user.ts';

/** Bits of capabilities(7). */
const [BPF, PERFMON, SYSLOG, SYS_ADMIN, DAC_READ_SEARCH] = [39n, 38n, 34n, 21n, 2n];
const bits = (...numbers: readonly bigint[]) => numbers.reduce((set, bit) => set | (1n << bit), 0n);

describe('keptCapabilities', () => {
  it('names what a recording needs by number, which every setpriv understands', () => {
    expect(keptCapabilities((1n << 41n) - 1n)).toBe('-all,+cap_39,+cap_38,+cap_19,+cap_2,+cap_34');
  });

  it('keeps nothing that is not held, and nothing else that is', () => {
    expect(keptCapabilities(bits(PERFMON, SYS_ADMIN))).toBe('-all,+cap_38');
    expect(keptCapabilities(bits(BPF, DAC_READ_SEARCH, SYSLOG))).toBe(
      '-all,+cap_39,+cap_2,+cap_34',
    );
    expect(keptCapabilities(0n)).toBe('-all');
  });
});
