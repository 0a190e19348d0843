import { cpus, homedir, hostname, release } from 'node:os';
import * as z from 'zod';

import type { ProfilerError } from '#shared/errors.ts';
import type {
  AppInfo,
  Channel,
  EngineEvent,
  OpenSession,
  PortMessage,
  RequestOf,
  ResponseOf,
} from '#shared/ipc/contract.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { Elevate } from '../capture/helper-process.ts';
import { internalError } from '../capture/internal-error.ts';
import { findWay } from '../capture/privileges.ts';
import { estimateRate } from '../capture/rate-estimate.ts';
import { exportSession } from '../export/index.ts';
import { CaptureService } from './capture-service.ts';
import { DataFolder } from './data-folder.ts';
import { runDoctor } from './doctor.ts';
import { OpenSessions } from './open-sessions.ts';
import { ProbeSearch } from './probes/probe-search.ts';
import { ProcessList } from './process-list.ts';
import { Recents } from './recents.ts';
import { isChannel, type RawPortRequest, REQUEST_SCHEMAS } from './request-schemas.ts';

/** How an engine is set up. */
export interface EngineOptions {
  /** Data folder; null: the user's usual one. */
  readonly dataFolder: string | null;
  /** Product version, for app.info. */
  readonly version: string;
  /** Takes what is told unasked. */
  readonly emit: (event: EngineEvent) => void;
  /** Has polkit asked for a helper; null: this engine may not ask. */
  readonly elevate: Elevate | null;
}

type Answer<C extends Channel> =
  | Result<ResponseOf<C>, ProfilerError>
  | Promise<Result<ResponseOf<C>, ProfilerError>>;
type Handlers = { readonly [C in Channel]: (request: RequestOf<C>) => Answer<C> };

/** What a bug throws is an answer too: nobody waits for ever. */
async function answered<T>(
  ask: () => Promise<Result<T, ProfilerError>>,
): Promise<Result<T, ProfilerError>> {
  try {
    return await ask();
  } catch (thrown) {
    return err(internalError(thrown));
  }
}

/** Everything the window can ask for; knows nothing of ports and processes. */
export class Engine {
  readonly #options: EngineOptions;
  readonly #sessions: OpenSessions;
  readonly #recents: Recents;
  readonly #captures: CaptureService;
  readonly #processes = new ProcessList();
  readonly #probes = new ProbeSearch();

  constructor(options: EngineOptions) {
    const folder = new DataFolder(options.dataFolder);
    this.#options = options;
    this.#sessions = new OpenSessions(folder);
    this.#recents = new Recents(folder);
    this.#captures = new CaptureService({
      folder,
      sessions: this.#sessions,
      recents: this.#recents,
      emit: (event) => options.emit(event),
      elevate: options.elevate,
    });
  }

  /** Answers one request; every failure, of a check too, is an answer. */
  async handle({ call, channel, request }: RawPortRequest): Promise<PortMessage> {
    if (!isChannel(channel)) {
      return { call, result: err({ kind: 'request-invalid', channel, reason: 'no such channel' }) };
    }
    return { call, result: await answered(() => this.#answer(channel, request)) };
  }

  /** The rows of an open session beyond a cursor, as bytes for the page. */
  deltaBytes(sessionId: number, cursorText: string): Promise<Result<Uint8Array, ProfilerError>> {
    return answered(() => this.#sessions.deltaBytes(sessionId, cursorText));
  }

  /** Finishes a recording and lets go of every file. */
  async shutDown(): Promise<void> {
    try {
      await this.#captures.shutDown();
    } finally {
      await this.#sessions.closeAll();
    }
  }

  async #answer<C extends Channel>(
    channel: C,
    request: unknown,
  ): Promise<Result<ResponseOf<C>, ProfilerError>> {
    const checked = REQUEST_SCHEMAS[channel].safeParse(request);
    if (!checked.success) {
      return err({ kind: 'request-invalid', channel, reason: z.prettifyError(checked.error) });
    }
    return this.#handlers[channel](checked.data);
  }

  readonly #handlers: Handlers = {
    'app.info': () => ok(this.#appInfo()),
    'processes.list': () => ok(this.#processes.list()),
    'doctor.run': async () => ok(await runDoctor(this.#options.elevate !== null)),
    'capture.start': ({ spec }) => this.#captures.start(spec),
    'capture.cancel': () => ok(this.#captures.cancelStart()),
    'capture.stop': () => this.#captures.stop(),
    'session.open': ({ path }) => this.#open(path),
    'session.close': ({ id }) => this.#close(id),
    'session.saveAs': ({ id, path }) => this.#saveAs(id, path),
    'session.events': ({ id, source, ordinals }) => this.#events(id, source, ordinals),
    'session.export': (request) => this.#export(request),
    'probes.search': (query) => this.#probes.find(query),
    'probes.estimate': ({ source, target }) => estimateRate(source, target, this.#options.elevate),
    'recents.list': () => ok(this.#recents.list()),
    'recents.forget': async ({ path }) => {
      await this.#recents.forget(path);
      return ok(null);
    },
  };

  #appInfo(): AppInfo {
    return {
      version: this.#options.version,
      capture: findWay('system', this.#options.elevate !== null),
      cpus: cpus().length,
      hostname: hostname(),
      kernel: release(),
      home: homedir(),
    };
  }

  async #open(path: string): Promise<Result<OpenSession, ProfilerError>> {
    const opened = await this.#sessions.open(path);
    if (opened.ok) await this.#recents.add(path, opened.value.info);
    return opened;
  }

  #close(id: number): Promise<Result<null, ProfilerError>> | Result<null, ProfilerError> {
    if (this.#captures.isRecording(id)) return err({ kind: 'capture-busy' });
    return this.#sessions.close(id);
  }

  async #saveAs(id: number, path: string): Promise<Result<OpenSession, ProfilerError>> {
    if (this.#captures.isRecording(id)) return err({ kind: 'capture-busy' });
    const before = await this.#sessions.describe(id);
    if (!before.ok) return before;
    const saved = await this.#sessions.saveAs(id, path);
    if (!saved.ok) return saved;
    if (before.value.unsaved) await this.#recents.forget(before.value.path);
    await this.#recents.add(path, saved.value.info);
    return saved;
  }

  async #events(
    id: number,
    source: number,
    ordinals: readonly number[],
  ): Promise<Result<ResponseOf<'session.events'>, ProfilerError>> {
    const reader = this.#sessions.reader(id);
    return reader.ok ? await reader.value.eventFields(source, ordinals) : reader;
  }

  async #export({
    id,
    format,
    path,
    source,
  }: RequestOf<'session.export'>): Promise<Result<{ path: string; bytes: number }, ProfilerError>> {
    const reader = this.#sessions.reader(id);
    if (!reader.ok) return reader;
    const written = await exportSession(reader.value, format, path, source);
    return written.ok ? ok({ path, bytes: written.value.bytes }) : written;
  }
}
