import type { ProfilerError } from '../errors.ts';
import type { CaptureSpec, CaptureTarget, SourceSpec } from '../model/capture-spec.ts';
import type { HelperWay } from '../model/helper-scope.ts';
import type { ProbeMatches, ProbeQuery } from '../model/probe-list.ts';
import type { RateEstimate } from '../model/rate-estimate.ts';
import type { CaptureEndReason, SessionInfo } from '../model/session-info.ts';
import type { TraceValue } from '../model/trace-fields.ts';
import type { Result } from '../result.ts';
import type { Nanoseconds } from '../units.ts';

/**
 * THE list of what the window may ask of the engine, and what the engine tells unasked.
 *
 * Every answer is a Result: no rejection crosses a process. Bulk data (SessionDelta) does not travel
 * here but as bytes by fetch() of dataUrl(), see table-codec.ts.
 */
export interface Requests {
  'app.info': { request: Record<string, never>; response: AppInfo };
  'processes.list': { request: Record<string, never>; response: readonly ProcessEntry[] };
  'doctor.run': { request: Record<string, never>; response: DoctorReport };
  /** Starts recording into a new file below the recordings folder; the session is open at once. */
  'capture.start': { request: { spec: CaptureSpec }; response: OpenSession };
  /** Gives up the start under way; 'capture.start' answers `cancelled`, unless it is too late. */
  'capture.cancel': { request: Record<string, never>; response: null };
  /** Ends the recording; the answer comes when the file is complete. */
  'capture.stop': { request: Record<string, never>; response: OpenSession };
  'session.open': { request: { path: string }; response: OpenSession };
  'session.close': { request: { id: number }; response: null };
  /** Copies the closed session to `path`; a recording made by this app moves out of "unsaved". */
  'session.saveAs': { request: { id: number; path: string }; response: OpenSession };
  /** Fields of a trace's events, by their ordinals among the source's samples; null: none. */
  'session.events': {
    request: { id: number; source: number; ordinals: number[] };
    response: readonly (readonly TraceValue[] | null)[];
  };
  'session.export': {
    /** `source`: row of SourceTable to export, or WALL_CLOCK; not given: the first. */
    request: { id: number; format: ExportFormat; path: string; source?: number | undefined };
    response: { path: string; bytes: number };
  };
  /** What can be probed here, by name. */
  'probes.search': { request: ProbeQuery; response: ProbeMatches };
  /** Counts for a moment what a source would measure: how often, and at what cost. */
  'probes.estimate': {
    request: { source: SourceSpec; target: CaptureTarget };
    response: RateEstimate;
  };
  'recents.list': { request: Record<string, never>; response: readonly RecentSession[] };
  /** Forgets the entry; the file stays. */
  'recents.forget': { request: { path: string }; response: null };
}

export type Channel = keyof Requests;
export type RequestOf<C extends Channel> = Requests[C]['request'];
export type ResponseOf<C extends Channel> = Requests[C]['response'];

export type EngineEvent =
  /** The start under way waits for polkit, and that perhaps for a password. */
  | { readonly event: 'capture-authenticating' }
  /** At least twice a second while recording, and at every change of state. */
  | { readonly event: 'capture-progress'; readonly progress: CaptureProgress }
  /** The recording ended by itself: duration over, target exited, or a failure (data kept). */
  | {
      readonly event: 'capture-ended';
      readonly session: OpenSession;
      readonly reason: CaptureEndReason;
      readonly error: ProfilerError | null;
    };

export type { CaptureEndReason };

export interface CaptureProgress {
  readonly sessionId: number;
  readonly phase: 'starting' | 'recording' | 'finishing';
  readonly elapsed: Nanoseconds;
  readonly info: SessionInfo;
}

/** A session the engine holds open. `id` names it in further requests and in dataUrl(). */
export interface OpenSession {
  readonly id: number;
  readonly path: string;
  readonly info: SessionInfo;
  /** The file was left by a crash and has just been recovered: say so. */
  readonly recovered: boolean;
  /** Made by this app and not yet saved elsewhere. */
  readonly unsaved: boolean;
}

export interface AppInfo {
  readonly version: string;
  /** How a live capture of the machine starts from here; else the error a start would give. */
  readonly capture: Result<HelperWay, ProfilerError>;
  readonly cpus: number;
  readonly hostname: string;
  readonly kernel: string;
  /** The user's home folder: where a program is started when no folder is given. */
  readonly home: string;
}

export interface ProcessEntry {
  readonly pid: number;
  readonly comm: string;
  readonly cmdline: string;
  readonly user: string;
  /** Share of one CPU over the last second, 0..cpus; NaN on the first listing. */
  readonly cpu: number;
  readonly threads: number;
}

export interface RecentSession {
  readonly path: string;
  readonly openedAt: string;
  readonly exists: boolean;
  /** One line: target, duration, samples. */
  readonly summary: string;
  readonly unsaved: boolean;
}

export const EXPORT_FORMATS = ['folded', 'svg', 'html'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** One line of the doctor: what works here, and the fix where it does not. */
export interface DoctorCheck {
  readonly id: string;
  readonly title: string;
  /** ok: works. limited: works with less. missing: does not. info: a fact without judgement. */
  readonly status: 'ok' | 'limited' | 'missing' | 'info';
  readonly found: string;
  /** What to do; empty when nothing is to be done. */
  readonly fix: string;
  /** It failed for want of privileges of the process that looked. */
  readonly needsPrivilege?: boolean;
}
export interface DoctorReport {
  readonly checks: readonly DoctorCheck[];
}

/** Where the bytes of a SessionDelta are fetched: same path in the desktop app and in serve mode. */
export const dataUrl = (sessionId: number, cursorText: string): string =>
  `/data/${sessionId}/delta?from=${cursorText}`;

/** Frames on the message port between window and engine. */
export type PortRequest = {
  readonly call: number;
  readonly channel: Channel;
  readonly request: unknown;
};
export type PortMessage =
  | { readonly call: number; readonly result: Result<unknown, ProfilerError> }
  | EngineEvent;
