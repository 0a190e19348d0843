import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HelperClient, type HelperListener } from '../../../main/capture/helper-client.ts';
import type { HelperProcess } from '../../../main/capture/helper-process.ts';
import { PRODUCT_VERSION } from '../../../main/capture/product-version.ts';
import { encodeJsonFrame } from '../../../main/capture/wire/framing.ts';
import { PROTOCOL_VERSION } from '../../../main/capture/wire/helper-protocol.ts';
import type { ProcessEnd } from '../../../main/elevate/outcome.ts';
import { ok } from '../../../main/shared/result.ts';

const nobody = (): void => undefined;
const DEAF: HelperListener = {
  ...{ kallsyms: nobody, facts: nobody, data: nobody, histogram: nobody, stats: nobody },
};

/** A pkexec that does what a test says. */
class StandIn implements HelperProcess {
  readonly way = 'polkit';
  readonly pid = 4711;
  readonly input = new PassThrough();
  readonly output = new PassThrough();
  readonly signals: string[] = [];
  end!: (end: ProcessEnd) => void;
  readonly closed = new Promise<ProcessEnd>((settle) => (this.end = settle));
  /** Whether SIGTERM ends it, as it does pkexec. */
  obeys = true;

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.signals.push(signal);
    if (this.obeys || signal === 'SIGKILL') this.end({ code: null, signal, stderr: '' });
  }

  greet(change: object = {}): void {
    const hello = { product: 'emberscope-helper', protocol: PROTOCOL_VERSION, pid: this.pid };
    const frame = { ...hello, version: PRODUCT_VERSION, ...change };
    this.output.write(encodeJsonFrame('hello', frame));
  }
}

let pkexec: StandIn;
beforeEach(() => {
  pkexec = new StandIn();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => void vi.useRealTimers());

const connect = (signal?: AbortSignal) =>
  HelperClient.connect(DEAF, {
    ...{ way: 'polkit', scope: 'own', signal, elevate: () => Promise.resolve(ok(pkexec)) },
  });

describe('HelperClient.connect, by polkit', () => {
  it('waits minutes for a password, and takes a helper of the same version', async () => {
    const connected = connect();
    await vi.advanceTimersByTimeAsync(170_000);
    pkexec.greet();
    expect(await connected).toMatchObject({ ok: true });
    expect(pkexec.signals).toEqual([]);
  });

  it('withdraws the question when nobody answers it', async () => {
    const connected = connect();
    await vi.advanceTimersByTimeAsync(180_000);
    expect(await connected).toMatchObject({
      error: { kind: 'elevation-failed', reason: 'timed-out' },
    });
    expect(pkexec.signals).toEqual(['SIGTERM']);
  });

  it('ends by force what does not withdraw', async () => {
    pkexec.obeys = false;
    const connected = connect();
    await vi.advanceTimersByTimeAsync(180_000);
    await connected;
    await vi.advanceTimersByTimeAsync(2000);
    expect(pkexec.signals).toEqual(['SIGTERM', 'SIGKILL']);
  });

  it('gives up at once when it is told to', async () => {
    const giveUp = new AbortController();
    const connected = connect(giveUp.signal);
    await vi.advanceTimersByTimeAsync(0);
    giveUp.abort();
    expect(await connected).toMatchObject({ error: { kind: 'cancelled' } });
    expect(pkexec.signals[0]).toBe('SIGTERM');
  });

  it('says why pkexec ended', async () => {
    const connected = connect();
    pkexec.end({ code: 127, signal: null, stderr: 'Error: Not authorized' });
    expect(await connected).toMatchObject({
      error: { kind: 'elevation-failed', reason: 'refused' },
    });
  });

  it('refuses a helper of another version', async () => {
    const connected = connect();
    await vi.advanceTimersByTimeAsync(0);
    pkexec.greet({ version: '0.0.9' });
    expect(await connected).toMatchObject({
      error: { kind: 'helper-version', found: 'version 0.0.9' },
    });
    // It runs by now, as the user: no need to ask.
    expect(new Set(pkexec.signals)).toEqual(new Set(['SIGKILL']));
  });
});
