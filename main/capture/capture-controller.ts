import { resolve } from 'node:path';

import type { ProfilerError } from '#shared/errors.ts';
import type { CaptureSpec } from '#shared/model/capture-spec.ts';
import { err, ok, type Result } from '#shared/result.ts';

import type { SessionMeta } from '../store/meta.ts';
import { SessionWriter } from '../store/session-writer.ts';
import type { ResolvedTarget } from './capture-source.ts';
import { resolveCgroup } from './cgroup.ts';
import { HelperClient, type HelperStart } from './helper-client.ts';
import { HelperInbox } from './helper-inbox.ts';
import { elevateHere } from './helper-process.ts';
import { hostFacts } from './host-facts.ts';
import { ingestSources } from './ingest-sources.ts';
import { LiveRecording } from './live-recording.ts';
import { checkOutput } from './output-check.ts';
import { findWay, scopeOf } from './privileges.ts';
import { PRODUCT_VERSION } from './product-version.ts';
import type { Recording, RecordingOptions } from './recording.ts';
import { isPattern } from './sources/function.ts';
import { sourceRequests, validateSpec } from './sources/index.ts';
import { SymbolSide } from './symbol-side.ts';
import { type LaunchedTarget, launchStopped, processState } from './target-launch.ts';
import type { Started } from './wire/helper-protocol.ts';

interface Target {
  readonly resolved: ResolvedTarget;
  readonly launched: LaunchedTarget | null;
}

/**
 * Starts a capture into a new session file. Everything that can be refused without privilege is
 * refused first; whatever was started before a failure is ended again, and no file stays behind.
 */
export async function startRecording(
  spec: CaptureSpec,
  outputPath: string,
  options: RecordingOptions = {},
): Promise<Result<Recording, ProfilerError>> {
  const path = resolve(outputPath);
  const checked = [validateSpec(spec), checkOutput(path, options.force ?? false)];
  for (const check of checked) if (!check.ok) return check;
  const scope = scopeOf(spec);
  const way = findWay(scope, options.elevate !== null);
  if (!way.ok) return way;
  const target = await resolveTarget(spec, options);
  if (!target.ok) return target;
  let isRunning = false;
  try {
    const start = { way: way.value, scope, signal: options.signal };
    const recording = await record(spec, path, { target: target.value, start, options });
    isRunning = recording.ok;
    return recording.ok || !isCancelled(options) ? recording : CANCELLED;
  } finally {
    // Also when a bug threw: a command that stands still would do so for ever.
    if (!isRunning) target.value.launched?.kill();
  }
}

const CANCELLED: Result<never, ProfilerError> = err({ kind: 'cancelled' });

const isCancelled = ({ signal }: RecordingOptions): boolean => signal?.aborted === true;

async function record(
  spec: CaptureSpec,
  path: string,
  {
    target,
    start,
    options,
  }: { target: Target; start: Omit<HelperStart, 'elevate'>; options: RecordingOptions },
): Promise<Result<Recording, ProfilerError>> {
  if (isCancelled(options)) return CANCELLED;
  const needsNames = spec.sources.some(
    (source) => source.kind === 'function' && isPattern(source.probe),
  );
  const inbox = new HelperInbox(spec.kernelStacks, needsNames);
  if (start.way === 'polkit') options.onAuthentication?.();
  const elevate = options.elevate ?? elevateHere;
  const connected = await HelperClient.connect(inbox, { ...start, elevate });
  if (!connected.ok) return connected;
  const helper = connected.value;
  const cancel = (): void => helper.kill();
  options.signal?.addEventListener('abort', cancel);
  let isRunning = false;
  try {
    if (isCancelled(options)) return CANCELLED;
    const requests = await sourceRequests(spec);
    if (!requests.ok) return requests;
    const { kernelStacks, userStacks, unwind, costLimit } = spec;
    const common = { kernelStacks, userStacks, unwind, costLimit, target: target.resolved };
    const started = await helper.start({ sources: requests.value, ...common });
    if (!started.ok) return started;
    const startNs = BigInt(started.value.startNs);
    const meta = sessionMeta(spec, started.value, startNs);
    const created = await SessionWriter.create(path, meta, { replace: options.force ?? false });
    if (!created.ok) return created;
    const recording = await intoFile(created.value, (writer, symbols) => {
      const { launched } = target;
      const sources = ingestSources(spec, started.value);
      return new LiveRecording({
        ...{ helper, inbox, writer, symbols, meta, sources, startNs, launched, options },
      });
    });
    isRunning = true;
    target.launched?.resume();
    return ok(recording);
  } finally {
    options.signal?.removeEventListener('abort', cancel);
    if (!isRunning) helper.kill();
  }
}

/** Lets go of the file when the recording that was to own it cannot be put together. */
async function intoFile(
  writer: SessionWriter,
  begin: (writer: SessionWriter, symbols: SymbolSide) => LiveRecording,
): Promise<LiveRecording> {
  const symbols = new SymbolSide({ isLive: true });
  try {
    return begin(writer, symbols);
  } catch (thrown) {
    symbols.dispose();
    await writer[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function resolveTarget(
  { target }: CaptureSpec,
  options: RecordingOptions,
): Promise<Result<Target, ProfilerError>> {
  switch (target.kind) {
    case 'machine':
      return ok({ resolved: target, launched: null });
    case 'process': {
      const { pid } = target;
      const state = processState(pid);
      if (state === null) return err({ kind: 'target-not-found', pid });
      if (state === 'Z' || state === 'X') return err({ kind: 'target-gone', pid });
      return ok({ resolved: { kind: 'process', pid }, launched: null });
    }
    case 'cgroup': {
      const cgroup = resolveCgroup(target.path);
      return cgroup.ok ? ok({ resolved: cgroup.value, launched: null }) : cgroup;
    }
    case 'command': {
      const launched = await launchStopped(target.argv, target.cwd, options.stdio ?? 'ignore');
      if (!launched.ok) return launched;
      const { pid } = launched.value;
      return ok({ resolved: { kind: 'process', pid }, launched: launched.value });
    }
  }
}

function sessionMeta(spec: CaptureSpec, started: Started, startNs: bigint): SessionMeta {
  // hrtime is CLOCK_MONOTONIC on Linux, the clock of startNs.
  const elapsedMs = Number(process.hrtime.bigint() - startNs) / 1e6;
  return {
    recordedBy: PRODUCT_VERSION,
    startedAt: new Date(Date.now() - elapsedMs).toISOString(),
    startMonotonicNs: startNs.toString(16),
    host: { ...hostFacts(), sampleEvent: started.sampleEvent },
    spec,
    unwind: { mode: started.unwind, fallback: started.unwindFallback },
  };
}
