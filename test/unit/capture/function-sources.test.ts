import { describe, expect, it } from 'vitest';
import { count } from '../../../main/capture/sources/count.ts';
import { functionLatency } from '../../../main/capture/sources/function.ts';
import { SymbolSide } from '../../../main/capture/symbol-side.ts';
import type {
  CaptureSpec,
  CountedEvent,
  FunctionProbe,
} from '../../../main/shared/model/capture-spec.ts';
import { PERF_EVENTS, perfEventName } from '../../../main/shared/model/perf-events.ts';
import { hertz } from '../../../main/shared/units.ts';

const spec: CaptureSpec = {
  sources: [],
  target: { kind: 'machine' },
  rate: hertz(99),
  mode: 'precise',
  includeIdle: false,
  costLimit: 0.05,
  kernelStacks: true,
  userStacks: true,
  unwind: 'auto',
  duration: null,
};
const calls = (probe: FunctionProbe, minNs = 0) =>
  ({ kind: 'function', probe, minNs, detail: 'events' }) as const;
const events = (event: CountedEvent, period = 1) => ({ kind: 'count', event, period }) as const;

describe('a function source', () => {
  it.each([
    [{ type: 'kernel', name: '' }],
    [{ type: 'kernel', name: '***' }],
    [{ type: 'kernel', name: 'vfs read' }],
    [{ type: 'kernel', name: 'a'.repeat(129) }],
    [{ type: 'user', path: 'app', symbol: 'main' }],
    [{ type: 'user', path: '/app\0', symbol: 'main' }],
    [{ type: 'user', path: '/app', symbol: '' }],
  ] as const)('refuses %j', (probe) => {
    expect(functionLatency.validate(calls(probe), spec)).toMatchObject({
      error: { kind: 'spec-invalid' },
    });
  });

  it('passes kernel functions and patterns on as they are', () => {
    for (const name of ['vfs_read', 'tcp_*', '*_nanosleep', 'do_exit.part.0']) {
      const source = calls({ type: 'kernel', name });
      expect(functionLatency.validate(source, spec).ok).toBe(true);
      const request = {
        kind: 'function',
        probe: { type: 'kernel', name },
        minNs: 0,
        detail: 'events',
      };
      expect(functionLatency.toRequest(source, spec)).toEqual({ ok: true, value: request });
    }
  });

  it('names the functions of a pattern one by one', () => {
    const facts = { kernelFunction: () => 'tcp_sendmsg' };
    const key = { low: 1, high: 2 };
    const pattern = calls({ type: 'kernel', name: 'tcp_*' });
    expect(functionLatency.labelOf?.(key, pattern, facts).name).toBe('tcp_sendmsg');
    expect(functionLatency.labelOf?.(key, pattern, { kernelFunction: () => '' }).name).toBe(
      '0x0000000200000001',
    );
    const one = calls({ type: 'kernel', name: 'vfs_read' });
    expect(functionLatency.labelOf?.(key, one, facts).name).toBe('vfs_read');
  });
});

describe('a counter source', () => {
  it('looks names up as perf-list(1) has them', () => {
    const codes = { 'page-faults': [1, 2], cycles: [0, 0], 'dTLB-load-misses': [3, 0x10003] };
    for (const [name, [perfType, config]] of Object.entries(codes)) {
      expect(count.toRequest(events({ type: 'perf', name }), spec)).toMatchObject({
        value: { event: { type: 'perf', perfType, config } },
      });
    }
  });

  it('proposes names for those it does not know', () => {
    expect(count.validate(events({ type: 'perf', name: 'page-fault' }), spec)).toMatchObject({
      error: { kind: 'probe-not-found', similar: ['page-faults'] },
    });
  });

  it.each([0, -1, 1.5, Number.NaN, 2e9])('refuses a period of %d', (period) => {
    expect(count.validate(events({ type: 'perf', name: 'faults' }, period), spec)).toMatchObject({
      error: { kind: 'spec-invalid', field: 'period' },
    });
  });
});

describe('perfEventName', () => {
  it('is a name of the same event', () => {
    for (const code of PERF_EVENTS.values()) {
      expect(PERF_EVENTS.get(perfEventName(code))).toEqual(code);
    }
    expect(perfEventName({ perfType: 9, config: 9 })).toBe('event 9:9');
  });
});

describe('names of kernel functions', () => {
  it('are known by address once the kernel has told its symbols', () => {
    using symbols = new SymbolSide();
    const key = { low: 0x81161700, high: 0xffffffff };
    expect(symbols.labelFacts.kernelFunction(key)).toBe('');
    const lines = ['81000000 T _stext', '81161700 T do_nanosleep', '81161900 T other'];
    symbols.addKallsyms(Buffer.from(lines.map((line) => `ffffffff${line}\n`).join('')));
    symbols.kernel();
    expect(symbols.labelFacts.kernelFunction(key)).toBe('do_nanosleep');
  });
});
