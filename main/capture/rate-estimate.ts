import { setTimeout as delay } from 'node:timers/promises';
import type { ProfilerError } from '#shared/errors.ts';
import type { CaptureSpec, CaptureTarget, SourceSpec } from '#shared/model/capture-spec.ts';
import type { RateEstimate } from '#shared/model/rate-estimate.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { hertz, nanoseconds } from '#shared/units.ts';
import type { ResolvedTarget } from './capture-source.ts';
import { resolveCgroup } from './cgroup.ts';
import { HelperClient, type HelperListener } from './helper-client.ts';
import { type Elevate, elevateHere } from './helper-process.ts';
import { findWay, scopeOf } from './privileges.ts';
import { captureSource } from './sources/index.ts';
import type { HelperStats, SourceRequest } from './wire/helper-protocol.ts';

/** Counted for so long, ms. */
const WINDOW_MS = 200;
/** Two programs run for each call, of which only the second accounts for its time. */
const PROGRAMS_EACH: Readonly<Record<string, number>> = { function: 2, syscalls: 2 };
const USER_NOTE =
  'Two exceptions for each call, in every process that has the file mapped, come on top: some 2 to 5 us together, in virtual machines up to 40 us.';

const nobody = (): void => undefined;
const DEAF: HelperListener = {
  ...{ kallsyms: nobody, facts: nobody, data: nobody, histogram: nobody, stats: nobody },
};

/**
 * Counts for 200 ms what a source would measure, without stacks and without a file: the helper does
 * what it does for a recording. A command, which does not run yet, is estimated as the whole machine.
 */
export async function estimateRate(
  source: SourceSpec,
  target: CaptureTarget,
  elevate: Elevate | null = elevateHere,
): Promise<Result<RateEstimate, ProfilerError>> {
  const scope = target.kind === 'command' ? 'system' : scopeOf({ target, sources: [source] });
  const way = findWay(scope, elevate !== null);
  if (!way.ok) return way;
  const resolved = resolve(target);
  if (!resolved.ok) return resolved;
  const request = await requestOf(source);
  if (!request.ok) return request;
  const connected = await HelperClient.connect(DEAF, {
    ...{ way: way.value, scope, elevate: elevate ?? elevateHere },
  });
  if (!connected.ok) return connected;
  const helper = connected.value;
  try {
    const quiet = { kernelStacks: false, userStacks: false, unwind: 'fp' as const, costLimit: 0 };
    const started = await helper.start({
      ...{ sources: [request.value], ...quiet, target: resolved.value },
    });
    if (!started.ok) return started;
    await delay(WINDOW_MS);
    helper.stop();
    // hrtime is CLOCK_MONOTONIC on Linux, the clock of startNs.
    const seconds = Number(process.hrtime.bigint() - BigInt(started.value.startNs)) / 1e9;
    const { bye, error } = await helper.ended;
    if (bye === null) return err(error ?? { kind: 'helper-protocol', detail: 'no farewell' });
    const mechanism = started.value.mechanisms[0]?.name ?? '';
    return ok(estimateOf(source, { stats: bye.stats, seconds, mechanism }));
  } finally {
    helper.kill();
  }
}

function estimateOf(
  source: SourceSpec,
  counted: {
    readonly stats: HelperStats;
    readonly seconds: number;
    readonly mechanism: string;
  },
): RateEstimate {
  const { stats, seconds, mechanism } = counted;
  const hits = stats.events * (source.kind === 'count' ? source.period : 1);
  const perSecond = hits / seconds;
  const nsEach = hits === 0 ? Number.NaN : (stats.bpfNs * (PROGRAMS_EACH[source.kind] ?? 1)) / hits;
  const isUser = source.kind === 'function' && source.probe.type === 'user';
  const cpuShare = hits === 0 ? 0 : perSecond * nsEach * 1e-9;
  return { perSecond, nsEach, cpuShare, mechanism, note: isUser ? USER_NOTE : '' };
}

/** The source as it is counted cheapest. */
async function requestOf(source: SourceSpec): Promise<Result<SourceRequest, ProfilerError>> {
  const spec: CaptureSpec = {
    ...{ sources: [source], target: { kind: 'machine' }, rate: hertz(1), mode: 'precise' },
    ...{ includeIdle: false, costLimit: 0, kernelStacks: false, userStacks: false },
    ...{ unwind: 'fp', duration: nanoseconds(WINDOW_MS * 1e6) },
  };
  const kind = captureSource(source.kind);
  const valid = kind.validate(source, spec);
  if (!valid.ok) return valid;
  const request = await kind.toRequest(source, spec);
  if (!request.ok) return request;
  const { value } = request;
  if ('detail' in value) return ok({ ...value, detail: 'histogram' });
  return ok(value.kind === 'trace' ? { ...value, stacks: false, perSecond: 1 } : value);
}

function resolve(target: CaptureTarget): Result<ResolvedTarget, ProfilerError> {
  if (target.kind === 'process') return ok({ kind: 'process', pid: target.pid });
  return target.kind === 'cgroup' ? resolveCgroup(target.path) : ok({ kind: 'machine' });
}
