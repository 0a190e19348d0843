import type { ProfilerError } from '#shared/errors.ts';
import type { CaptureEndReason, SessionInfo } from '#shared/model/session-info.ts';
import type { Nanoseconds } from '#shared/units.ts';

import type { Elevate } from './helper-process.ts';
import type { TargetStdio } from './target-launch.ts';

/** starting → recording → finishing → done; never back. */
export type RecordingPhase = 'starting' | 'recording' | 'finishing' | 'done';

/** A recording's state at one moment. */
export interface RecordingProgress {
  readonly phase: RecordingPhase;
  /** Since session start. */
  readonly elapsed: Nanoseconds;
  readonly info: SessionInfo;
  /** Frames still to be looked up in symbol tables. */
  readonly symbolsRemaining: number;
}

/** How a recording ended. The file holds everything received in every case. */
export interface RecordingEnd {
  readonly reason: CaptureEndReason;
  /** What went wrong; null: nothing. */
  readonly error: ProfilerError | null;
  readonly info: SessionInfo;
  /** Status of a launched command, 128 + signal number if one ended it; null: none, or it still runs. */
  readonly commandExitCode: number | null;
}

/** A capture in progress. */
export interface Recording {
  /** The session file, readable from the first moment. */
  readonly path: string;
  /** Process id of the helper. */
  readonly helperPid: number;
  progress(): RecordingProgress;
  /** Ends it; settles when the file is complete. A launched command is asked to end (SIGTERM). */
  stop(): Promise<RecordingEnd>;
  /** While finishing: leaves the remaining frames without names. */
  skipSymbols(): void;
  /** Settles when the file is complete, whatever ended the recording; never rejects. */
  readonly ended: Promise<RecordingEnd>;
}

/** What a caller of startRecording may choose. */
export interface RecordingOptions {
  /** Called at every commit, more than twice a second, and at every change of phase. */
  readonly onProgress?: (progress: RecordingProgress) => void;
  /** Replace an existing file. */
  readonly force?: boolean;
  /** Standard streams of a launched command; 'ignore' by default. */
  readonly stdio?: TargetStdio;
  /** Has polkit asked for a helper: by this process if not given; null: nobody may be asked. */
  readonly elevate?: Elevate | null;
  /** The user may have to type a password now. */
  readonly onAuthentication?: () => void;
  /** Gives up a start that is under way; without effect once the recording runs. */
  readonly signal?: AbortSignal;
}
