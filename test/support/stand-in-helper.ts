import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';
import { FRAME_TYPES, PROTOCOL_VERSION } from '../../main/capture/wire/helper-protocol.ts';

/** What the stand-in helper's program begins with: frames out, frame types in. */
const PRELUDE = `
const TYPES = ${JSON.stringify(FRAME_TYPES)};
const send = (type, payload) => {
  const body = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload));
  const head = Buffer.alloc(8);
  head.writeUInt32LE(body.length, 0);
  head[4] = TYPES[type];
  head[5] = ${PROTOCOL_VERSION};
  return process.stdout.write(Buffer.concat([head, body]));
};
const hello = (change = {}) => send('hello', { product: 'emberscope-helper', version: '1',
  protocol: ${PROTOCOL_VERSION}, pid: process.pid, ...change });
const started = () => send('started', { startNs: String(process.hrtime.bigint()), sampleEvent: 'cpu-clock', cpus: 1, unwind: 'fp', unwindFallback: '', mechanisms: [{ name: 'perf event', note: '', fields: [] }], capabilities: [] });
const stats = { samples: 1, idle: 2, filtered: 0, loss: {}, backoff: 0, events: 0, belowMinimum: 0, bpfRuns: 1, bpfNs: 1, helperCpuNs: 1, helperRssBytes: 1, unwind: null };
const onFrame = (handler) => process.stdin.on('data', (bytes) => handler(bytes[4]));
// As the real one: it does not outlive who started it.
process.stdin.on('end', () => process.exit(3));
`;

/** A program that records nothing: it starts when asked and says farewell when told to stop. */
export const OBEDIENT = `hello();
  onFrame((type) => {
    if (type === TYPES.start) started();
    else { send('bye', { reason: 'stopped', stats }); process.exit(0); }
  });`;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ember-helper-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Makes `program` the helper, until the end of the test; it sees the functions of PRELUDE. */
export function helperDoes(program: string): void {
  const script = join(folder, 'helper.cjs');
  writeFileSync(script, PRELUDE + program);
  helperIs(script);
}

/** Makes a file the helper, until the end of the test. */
export function helperIs(script: string): void {
  vi.stubEnv('EMBERSCOPE_TEST', '1');
  vi.stubEnv('EMBERSCOPE_TEST_HELPER', script);
}
