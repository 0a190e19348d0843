import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startRecording } from '../../main/capture/capture-controller.ts';
import type { SourceSpec } from '../../main/shared/model/capture-spec.ts';
import { commandTarget, readWhole, recorded, specOf, withSymbols } from '../support/capture.ts';
import { buildFunctions } from '../support/functions.ts';
import { useRealHelper } from '../support/real-helper.ts';
import { sumOf, type Wait, waitsOf } from '../support/waits.ts';

const rig = useRealHelper();
const PAGES = 3000;
let program = '';
let files = 0;
beforeAll(() => {
  program = buildFunctions();
});

const perf = (name: string, period = 1): SourceSpec => ({
  kind: 'count',
  event: { type: 'perf', name },
  period,
});

/** Records a program that touches pages, and returns what was counted in the function that does. */
async function faultsOf(source: SourceSpec): Promise<Wait[]> {
  const out = join(rig.folder, `${files++}.ember`);
  const target = commandTarget(program, join(rig.folder, 'log'), 'faults', `${PAGES}`);
  const end = await recorded(specOf(target, { sources: [source] }), out);
  expect(end).toMatchObject({ reason: 'target-exited', error: null });
  const { delta } = await readWhole(out);
  return waitsOf(withSymbols(delta), 'count').filter(({ stack }) => stack.includes('touch_pages'));
}

describe('a stack counter', () => {
  it('has a stack for every page fault', async () => {
    const faults = await faultsOf(perf('page-faults'));
    expect(faults).toHaveLength(PAGES);
    expect(faults.every(({ weight }) => weight === 1)).toBe(true);
  });

  it('has one for every hundredth, which stands for a hundred', async () => {
    const faults = await faultsOf(perf('page-faults', 100));
    expect(Math.abs(sumOf(faults.map(({ weight }) => weight)) - PAGES)).toBeLessThanOrEqual(100);
    expect(faults.every(({ weight }) => weight === 100)).toBe(true);
  });

  it('counts a tracepoint the same', async () => {
    const event = { type: 'tracepoint', category: 'exceptions', name: 'page_fault_user' } as const;
    const each = await faultsOf({ kind: 'count', event, period: 1 });
    expect(each).toHaveLength(PAGES);
    const tenth = await faultsOf({ kind: 'count', event, period: 10 });
    // Of each CPU.
    expect(Math.abs(sumOf(tenth.map(({ weight }) => weight)) - PAGES)).toBeLessThanOrEqual(20);
  });

  it.each([
    ['an event that has no name', perf('pagefaults'), 'probe-not-found'],
    ['no occurrence at all', perf('page-faults', 0), 'spec-invalid'],
  ])('refuses %s', async (_, source, kind) => {
    const out = join(rig.folder, 'refused.ember');
    const started = await startRecording(
      specOf(commandTarget('/bin/true'), { sources: [source] }),
      out,
    );
    expect(started).toMatchObject({ ok: false, error: { kind } });
  });
});
