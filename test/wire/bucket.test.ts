import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucketOf } from '../../main/shared/model/latency-buckets.ts';
import { randomFrom } from '../support/random.ts';

const HEADER = resolve(import.meta.dirname, '../../native-bpf/event.bpf.h');
const folder = mkdtempSync(join(tmpdir(), 'ember-bucket-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The program's own bucket_of(), compiled for this machine: one number per line in, one out. */
beforeAll(() => {
  const header = readFileSync(HEADER, 'utf8');
  const from = header.indexOf('static __always_inline __u32 bucket_of(');
  const body = header.slice(from, header.indexOf('\n}\n', from) + 3);
  expect(body).toContain('LATENCY_SUB_BITS');
  const program = `
#include <stdio.h>
#define __always_inline inline
typedef unsigned int __u32;
typedef unsigned long long __u64;
#define LATENCY_SUB_BITS 5
#define LATENCY_OVERFLOW_BUCKET 1152
${body}
int main(void) { __u64 ns; while (scanf("%llu", &ns) == 1) printf("%u\\n", bucket_of(ns)); }`;
  writeFileSync(join(folder, 'bucket.c'), program);
  const files = ['-o', join(folder, 'bucket'), join(folder, 'bucket.c')];
  execFileSync('cc', ['-O1', ...files], { stdio: 'pipe' });
});

describe('bucket_of() of event.bpf.h', () => {
  it('agrees with bucketOf() everywhere', () => {
    const random = randomFrom(7);
    const values = [0, 1, 63, 64, 65, 2 ** 40 - 1, 2 ** 40, 2 ** 53 - 1];
    for (let power = 1; power < 53; power++)
      values.push(2 ** power - 1, 2 ** power, 2 ** power + 1);
    for (let i = 0; i < 20_000; i++) values.push(Math.floor(2 ** (random() * 53)));
    const input = values.join('\n');
    const output = execFileSync(join(folder, 'bucket'), { input, encoding: 'utf8' });
    expect(output.trim().split('\n').map(Number)).toEqual(values.map(bucketOf));
  });
});
