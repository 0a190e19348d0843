import type { ProfilerError } from '#shared/errors.ts';
import type { EngineEvent, OpenSession } from '#shared/ipc/contract.ts';
import type { CaptureSpec } from '#shared/model/capture-spec.ts';
import { err, type Result } from '#shared/result.ts';

import { startRecording } from '../capture/capture-controller.ts';
import type { Elevate } from '../capture/helper-process.ts';
import { internalError } from '../capture/internal-error.ts';
import type { Recording, RecordingEnd, RecordingProgress } from '../capture/recording.ts';
import type { DataFolder } from './data-folder.ts';
import type { OpenSessions } from './open-sessions.ts';
import type { Recents } from './recents.ts';
import { recordingPath } from './recording-name.ts';

/** What the service works with. */
export interface CaptureServices {
  readonly folder: DataFolder;
  readonly sessions: OpenSessions;
  readonly recents: Recents;
  readonly emit: (event: EngineEvent) => void;
  readonly elevate: Elevate | null;
}

interface Active {
  readonly recording: Recording;
  readonly sessionId: number;
  /** What the end was reported as, once everything is on the disk. */
  readonly session: Promise<Result<OpenSession, ProfilerError>>;
}

/** A bug while a capture runs is answered like any failure: the capture must be ended all the same. */
const mistake = (thrown: unknown): Result<never, ProfilerError> => err(internalError(thrown));

/** The one capture an engine can run at a time, as the window sees it. */
export class CaptureService {
  readonly #services: CaptureServices;
  #active: Active | null = null;
  /** The start under way, and what gives it up. */
  #starting: {
    readonly done: Promise<Result<OpenSession, ProfilerError>>;
    readonly cancel: AbortController;
  } | null = null;
  #isShutDown = false;
  /** The latest capture's session, once it ends. */
  #latest: Promise<Result<OpenSession, ProfilerError>> | null = null;

  constructor(services: CaptureServices) {
    this.#services = services;
  }

  /** Whether the session is still written. */
  isRecording(sessionId: number): boolean {
    return this.#active?.sessionId === sessionId;
  }

  async start(spec: CaptureSpec): Promise<Result<OpenSession, ProfilerError>> {
    if (this.#isShutDown) return err({ kind: 'cancelled' });
    if (this.#starting !== null || this.#active !== null) return err({ kind: 'capture-busy' });
    const cancel = new AbortController();
    const done = this.#start(spec, cancel.signal);
    this.#starting = { done, cancel };
    try {
      return await done;
    } finally {
      this.#starting = null;
    }
  }

  /** Gives up a start under way, also while the user is asked for a password; its answer says so. */
  cancelStart(): null {
    this.#starting?.cancel.abort();
    return null;
  }

  /** Ends the capture; settles when the file is complete. It may have ended by itself just before. */
  async stop(): Promise<Result<OpenSession, ProfilerError>> {
    if (this.#active === null) {
      if (this.#latest !== null) return this.#latest;
      const reason = 'nothing is being recorded';
      return err({ kind: 'request-invalid', channel: 'capture.stop', reason });
    }
    const { recording, session } = this.#active;
    await recording.stop();
    return session;
  }

  /** Ends a capture that runs or is about to, because this process is about to end. */
  async shutDown(): Promise<void> {
    this.#isShutDown = true;
    if (this.#starting !== null) {
      this.#starting.cancel.abort();
      // How it went is told to whoever asked for it; a bug in it, too.
      await Promise.allSettled([this.#starting.done]);
    }
    if (this.#active === null) return;
    const { recording, session } = this.#active;
    const end = recording.stop();
    // Names can be found again; the time to exit is short.
    recording.skipSymbols();
    await end;
    await session;
  }

  async #start(
    spec: CaptureSpec,
    signal: AbortSignal,
  ): Promise<Result<OpenSession, ProfilerError>> {
    const { folder, sessions, recents, emit, elevate } = this.#services;
    this.#latest = null;
    const path = recordingPath(folder.recordings, spec.target);
    let sessionId = -1;
    const started = await startRecording(spec, path, {
      ...{ signal, elevate },
      onAuthentication: () => emit({ event: 'capture-authenticating' }),
      onProgress: (progress) => this.#tell(sessionId, progress),
    });
    if (!started.ok) return started;
    const recording = started.value;
    const opened = await sessions.open(path).catch(mistake);
    if (!opened.ok) {
      await recording.stop();
      return opened;
    }
    sessionId = opened.value.id;
    // Now, so that the next start lists the recording even if this process is killed.
    const listed = recents.add(path, opened.value.info);
    const session = recording.ended.then(async (end) => {
      await listed;
      return this.#finish(opened.value, end);
    });
    this.#latest = session;
    this.#active = { recording, sessionId, session };
    await listed;
    this.#tell(sessionId, recording.progress());
    return opened;
  }

  #tell(sessionId: number, { phase, elapsed, info }: RecordingProgress): void {
    if (sessionId < 0 || phase === 'done') return;
    this.#services.emit({
      event: 'capture-progress',
      progress: { sessionId, phase, elapsed, info },
    });
  }

  async #finish(
    opened: OpenSession,
    end: RecordingEnd,
  ): Promise<Result<OpenSession, ProfilerError>> {
    const { sessions, recents, emit } = this.#services;
    this.#active = null;
    const described = await sessions.describe(opened.id).catch(mistake);
    // The file may be gone or unreadable by now: that it ended is told all the same.
    const session = described.ok ? described.value : { ...opened, info: end.info };
    await recents.add(session.path, session.info);
    // A wanted end is told by the answer to capture.stop; a failure is told in any case.
    if (end.reason !== 'stopped') {
      emit({ event: 'capture-ended', session, reason: end.reason, error: end.error });
    }
    return described;
  }
}
