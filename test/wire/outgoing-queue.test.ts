import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MAX_QUEUED_BYTES, OutgoingQueue } from '../../main/helper/outgoing-queue.ts';

const folder = mkdtempSync(join(tmpdir(), 'ember-queue-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('OutgoingQueue', () => {
  it('holds 64 MiB for a reader that is stuck, then refuses samples but still takes facts', () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const queue = new OutgoingQueue(openSync(path, constants.O_RDWR), () => undefined);
    const frame = new Uint8Array(1 << 20);
    let taken = 0;
    while (queue.offerSamples(frame)) taken++;
    expect(taken).toBe(MAX_QUEUED_BYTES / frame.length);
    expect(queue.offerFacts(frame)).toBe(true);
  });
});
