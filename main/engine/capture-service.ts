import type { ProfilerError } from '#shared/errors.ts';
import type { EngineEvent, OpenSession } from '#shared/ipc/contract.ts';
import type { CaptureSpec } from '#shared/model/capture-spec.ts';
import { err, ok, type Result } from '#shared/result.ts';

import { startRecording } from '../capture/capture-controller.ts';
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
}

interface Active {
  readonly recording: Recording;
  readonly sessionId: number;
  /** What the end was reported as, once everything is on the disk. */
  readonly session: Promise<Result<OpenSession, ProfilerError>>;
}

/** The one capture an engine can run at a time, as the window sees it. */
export class CaptureService {
  readonly #services: CaptureServices;
  #active: Active | null = null;
  #isStarting = false;
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
    if (this.#isStarting || this.#active !== null) return err({ kind: 'capture-busy' });
    this.#isStarting = true;
    try {
      return await this.#start(spec);
    } finally {
      this.#isStarting = false;
    }
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

  /** Ends a capture if one runs, because this process is about to end. */
  async shutDown(): Promise<void> {
    if (this.#active === null) return;
    const { recording, session } = this.#active;
    const end = recording.stop();
    // Names can be found again; the time to exit is short.
    recording.skipSymbols();
    await end;
    await session;
  }

  async #start(spec: CaptureSpec): Promise<Result<OpenSession, ProfilerError>> {
    const { folder, sessions, recents } = this.#services;
    this.#latest = null;
    const path = recordingPath(folder.recordings, spec.target);
    let sessionId = -1;
    const started = await startRecording(spec, path, {
      onProgress: (progress) => this.#tell(sessionId, progress),
    });
    if (!started.ok) return started;
    const opened = await sessions.open(path);
    if (!opened.ok) {
      await started.value.stop();
      return opened;
    }
    sessionId = opened.value.id;
    // Now, so that the next start lists the recording even if this process is killed.
    await recents.add(path, opened.value.info);
    const session = started.value.ended.then((end) => this.#finish(sessionId, end));
    this.#latest = session;
    this.#active = { recording: started.value, sessionId, session };
    this.#tell(sessionId, started.value.progress());
    return opened;
  }

  #tell(sessionId: number, { phase, elapsed, info }: RecordingProgress): void {
    if (sessionId < 0 || phase === 'done') return;
    this.#services.emit({
      event: 'capture-progress',
      progress: { sessionId, phase, elapsed, info },
    });
  }

  async #finish(sessionId: number, end: RecordingEnd): Promise<Result<OpenSession, ProfilerError>> {
    const { sessions, recents, emit } = this.#services;
    this.#active = null;
    const session = await sessions.describe(sessionId);
    if (!session.ok) return session;
    await recents.add(session.value.path, session.value.info);
    // A wanted end is told by the answer to capture.stop; a failure is told in any case.
    if (end.reason !== 'stopped') {
      emit({
        event: 'capture-ended',
        session: session.value,
        reason: end.reason,
        error: end.error,
      });
    }
    return ok(session.value);
  }
}
