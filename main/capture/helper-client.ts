import type { ProfilerError } from '#shared/errors.ts';
import type { HelperScope, HelperWay } from '#shared/model/helper-scope.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { outcomeOf, type ProcessEnd } from '../elevate/outcome.ts';
import { type Elevate, elevateHere, type HelperProcess, startHelper } from './helper-process.ts';
import { PRODUCT_VERSION } from './product-version.ts';
import {
  decodeJson,
  encodeFrame,
  encodeJsonFrame,
  type Frame,
  FrameDecoder,
} from './wire/framing.ts';
import {
  type Bye,
  byeSchema,
  errorSchema,
  factsSchema,
  type Hello,
  type HelperStats,
  helloSchema,
  PROTOCOL_VERSION,
  type ProcessFact,
  type Started,
  type StartRequest,
  startedSchema,
  statsSchema,
} from './wire/helper-protocol.ts';

/** What the helper sends while it records, in the order sent. */
export interface HelperListener {
  kallsyms(text: Uint8Array): void;
  facts(facts: readonly ProcessFact[]): void;
  /** stack_sample records back to back. */
  data(payload: Uint8Array): void;
  /** Cells of histograms, after the examples that belong to them. */
  histogram(payload: Uint8Array): void;
  stats(stats: HelperStats): void;
}

/** How the helper ended: with its farewell, or with the reason why there was none. */
export interface HelperEnd {
  readonly bye: Bye | null;
  readonly error: ProfilerError | null;
}

/** How a helper is to be started. */
export interface HelperStart {
  readonly way: HelperWay;
  readonly scope: HelperScope;
  /** Who asks polkit; by default this process. */
  readonly elevate?: Elevate;
  /** Gives up waiting for the first word. */
  readonly signal?: AbortSignal | undefined;
}

/** From start to hello: the runtime comes up in 0.1 s, a busy machine needs longer. */
const HELLO_TIMEOUT_MS = 10_000;
/** The same with a person in between: pkexec would wait for ever. */
const AUTHENTICATION_TIMEOUT_MS = 180_000;
/** pkexec withdraws its question when it is asked to end; what does not, is ended. */
const WITHDRAW_MS = 2000;
/** From start request to started: the verifier takes its time on old kernels. */
const STARTED_TIMEOUT_MS = 30_000;
/** Longest silence between stop and the end of the process: the last drain takes some 10 ms. */
const STOP_SILENCE_MS = 5000;
/** What may still come after stop, bytes: far more than the helper queues (outgoing-queue.ts). */
const MAX_BYTES_AFTER_STOP = 256 * 2 ** 20;

interface Waiting<T> {
  readonly settle: (outcome: Result<T, ProfilerError>) => void;
}

/**
 * The unprivileged end of the helper's pipes: starts it, checks who answers, and turns bytes into
 * calls of a listener. `ended` settles once the last byte has been delivered, and never rejects.
 */
export class HelperClient {
  readonly #process: HelperProcess;
  readonly #decoder = new FrameDecoder();
  readonly #listener: HelperListener;
  /** What went wrong with the pipes, if anything. */
  #trouble = '';
  #hasGreeted = false;
  #hello: Waiting<Hello> | null = null;
  #started: Waiting<Started> | null = null;
  #bye: Bye | null = null;
  #error: ProfilerError | null = null;
  #isPaused = false;
  /** Runs out when a helper that is to end falls silent; null: it need not end, or is held back. */
  #silence: NodeJS.Timeout | null = null;
  #isEnding = false;
  #bytesAfterStop = 0;
  readonly ended: Promise<HelperEnd>;

  private constructor(helper: HelperProcess, listener: HelperListener) {
    this.#process = helper;
    this.#listener = listener;
    helper.output.on('data', (chunk: Buffer) => this.#receive(chunk));
    // A helper that is gone tells so by its exit; writing to it then must not end this process.
    helper.input.on('error', (error) => this.#note(`cannot write to it: ${error.message}`));
    helper.output.on('error', (error) => this.#note(`cannot read from it: ${error.message}`));
    this.ended = helper.closed.then((end) => {
      if (this.#silence !== null) clearTimeout(this.#silence);
      return this.#end(end);
    });
  }

  /** Starts the helper and waits until it has said who it is; polkit may ask the user meanwhile. */
  static async connect(
    listener: HelperListener,
    { way, scope, elevate = elevateHere, signal }: HelperStart,
  ): Promise<Result<HelperClient, ProfilerError>> {
    const helper = await startHelper(way, scope, elevate);
    if (!helper.ok) return helper;
    const client = new HelperClient(helper.value, listener);
    const giveUp = (): void => client.#fail({ kind: 'cancelled' });
    signal?.addEventListener('abort', giveUp);
    if (signal?.aborted === true) giveUp();
    const hello = await client.#wait<Hello>(
      (waiting) => (client.#hello = waiting),
      way === 'polkit' ? AUTHENTICATION_TIMEOUT_MS : HELLO_TIMEOUT_MS,
    );
    signal?.removeEventListener('abort', giveUp);
    return hello.ok ? ok(client) : hello;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Begins sampling; on failure the helper is gone. */
  start(request: StartRequest): Promise<Result<Started, ProfilerError>> {
    const answer = this.#wait<Started>((waiting) => (this.#started = waiting), STARTED_TIMEOUT_MS);
    this.#process.input.write(encodeJsonFrame('start', request));
    return answer;
  }

  /** Asks for the last drain and the farewell; `ended` follows, by force if need be. */
  stop(): void {
    // Written, not ended: a closed pipe means that nobody is left to take the last drain.
    const { input } = this.#process;
    if (input.writable) input.write(encodeFrame('stop'));
    this.#expectEnd();
  }

  /** Lets the pipe fill up; the helper then queues, and counts what it must drop. */
  pause(): void {
    this.#isPaused = true;
    this.#process.output.pause();
    this.#watchSilence();
  }

  resume(): void {
    this.#isPaused = false;
    this.#process.output.resume();
    this.#watchSilence();
  }

  /** Ends it at once; what it had not sent is lost. */
  kill(): void {
    // Also where no signal reaches it: a launcher that is still root ends without its pipe.
    this.#process.input.destroy();
    if (this.#hasGreeted || this.#process.way !== 'polkit') {
      this.#process.kill('SIGKILL');
      return;
    }
    this.#process.kill('SIGTERM');
    const force = setTimeout(() => this.#process.kill('SIGKILL'), WITHDRAW_MS);
    void this.#process.closed.then(() => clearTimeout(force));
  }

  /** Settles with the answer, the helper's own error, its end, or a time-out, whichever is first. */
  async #wait<T>(
    register: (waiting: Waiting<T>) => void,
    timeoutMs: number,
  ): Promise<Result<T, ProfilerError>> {
    const answer = new Promise<Result<T, ProfilerError>>((settle) => register({ settle }));
    const over = this.ended.then((end) => err(end.error ?? this.#lost(null, null, 'it ended')));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Result<T, ProfilerError>>((settle) => {
      timer = setTimeout(() => settle(err(this.#late(timeoutMs))), timeoutMs);
    });
    const outcome = await Promise.race([answer, over, late]);
    clearTimeout(timer);
    if (!outcome.ok) this.kill();
    return outcome;
  }

  #late(timeoutMs: number): ProfilerError {
    if (!this.#hasGreeted && this.#process.way === 'polkit') {
      return { kind: 'elevation-failed', reason: 'timed-out', detail: '' };
    }
    return this.#lost(null, null, `no answer within ${timeoutMs / 1000} s`);
  }

  #receive(chunk: Buffer): void {
    // A plain view: Buffer's slice() shares memory where Uint8Array's copies.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#noteLife(bytes.length);
    const frames = this.#decoder.push(bytes);
    if (!frames.ok) {
      const { error } = frames;
      // One that has greeted in our version does not change it: it sends nonsense.
      const isNonsense = this.#hasGreeted && error.kind === 'helper-version';
      this.#fail(isNonsense ? { kind: 'helper-protocol', detail: error.found } : error);
      return;
    }
    for (const frame of frames.value) {
      if (this.#error === null) this.#dispatch(frame);
    }
  }

  #dispatch({ type, payload }: Frame): void {
    switch (type) {
      case 'data':
        this.#listener.data(payload);
        break;
      case 'histogram':
        this.#listener.histogram(payload);
        break;
      case 'kallsyms':
        this.#listener.kallsyms(payload);
        break;
      case 'facts':
        this.#parsed(type, factsSchema.safeParse(decodeJson(payload)), (facts) =>
          this.#listener.facts(facts),
        );
        break;
      case 'stats':
        this.#parsed(type, statsSchema.safeParse(decodeJson(payload)), (stats) =>
          this.#listener.stats(stats),
        );
        break;
      case 'hello':
        this.#parsed(type, helloSchema.safeParse(decodeJson(payload)), (hello) =>
          this.#greet(hello),
        );
        break;
      case 'started':
        this.#parsed(type, startedSchema.safeParse(decodeJson(payload)), (started) =>
          this.#started?.settle(ok(started)),
        );
        break;
      case 'bye':
        this.#parsed(type, byeSchema.safeParse(decodeJson(payload)), (bye) => {
          this.#bye = bye;
          this.#expectEnd();
        });
        break;
      case 'error':
        this.#parsed(type, errorSchema.safeParse(decodeJson(payload)), (error) => {
          // Our own program's word, already in the shape of errors.ts.
          this.#error = error as unknown as ProfilerError;
          this.#expectEnd();
        });
        break;
      case 'start':
      case 'stop':
        this.#fail({ kind: 'helper-protocol', detail: `it sent a ${type} frame` });
        break;
    }
  }

  #parsed<T>(
    type: string,
    parsed: { success: true; data: T } | { success: false; error: { message: string } },
    use: (value: T) => void,
  ): void {
    if (parsed.success) {
      use(parsed.data);
      return;
    }
    this.#fail({
      kind: 'helper-protocol',
      detail: `bad ${type} frame: ${parsed.error.message}`,
    });
  }

  #greet(hello: Hello): void {
    this.#hasGreeted = true;
    const differ = (found: string | number, expected: string | number, what: string): void =>
      this.#fail({
        ...{ kind: 'helper-version', found: `${what} ${found}`, expected: `${what} ${expected}` },
      });
    if (hello.protocol !== PROTOCOL_VERSION) {
      differ(hello.protocol, PROTOCOL_VERSION, 'protocol');
    } else if (this.#process.way !== 'direct' && hello.version !== PRODUCT_VERSION) {
      // What this program starts by itself lies beside it and is of its own version.
      differ(hello.version, PRODUCT_VERSION, 'version');
    } else {
      this.#hello?.settle(ok(hello));
    }
  }

  #fail(error: ProfilerError): void {
    this.#error ??= error;
    this.kill();
  }

  #note(text: string): void {
    this.#trouble = text;
  }

  #expectEnd(): void {
    this.#isEnding = true;
    this.#watchSilence();
  }

  /** Starts the time of silence anew; none is counted while we ourselves do not read. */
  #watchSilence(): void {
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#silence = null;
    if (!this.#isEnding || this.#isPaused) return;
    this.#silence = setTimeout(() => this.kill(), STOP_SILENCE_MS);
    this.#silence.unref();
  }

  /** A queue of a hundred megabytes takes its time: as long as it flows, the helper may live. */
  #noteLife(bytes: number): void {
    if (!this.#isEnding) return;
    this.#bytesAfterStop += bytes;
    if (this.#bytesAfterStop <= MAX_BYTES_AFTER_STOP) this.#watchSilence();
    else this.#fail({ kind: 'helper-protocol', detail: 'it does not stop sending' });
  }

  #end(end: ProcessEnd): HelperEnd {
    if (this.#error !== null) return { bye: this.#bye, error: this.#error };
    if (this.#bye !== null) return { bye: this.#bye, error: null };
    if (!this.#hasGreeted && this.#process.way !== 'direct') {
      return { bye: null, error: outcomeOf(end) };
    }
    const words = [end.stderr, this.#trouble].map((text) => text.trim()).filter(Boolean);
    return { bye: null, error: this.#lost(end.code, end.signal, words.join('\n')) };
  }

  #lost(exitCode: number | null, signal: string | null, detail: string): ProfilerError {
    return { kind: 'helper-lost', exitCode, signal, detail };
  }
}
