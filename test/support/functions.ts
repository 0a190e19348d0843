import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const OUTPUT = join(ROOT, '.cache/test-functions');

/** Compiles the workload of test/fixtures/functions, without frame pointers; returns its path. */
export function buildFunctions(): string {
  mkdirSync(OUTPUT, { recursive: true });
  const program = join(OUTPUT, 'functions');
  const flags = ['-O2', '-g', '-fomit-frame-pointer', '-pthread'];
  const source = join(ROOT, 'test/fixtures/functions/functions.c');
  execFileSync('cc', [...flags, '-o', program, source]);
  return program;
}

/** Durations that the workload wrote down, by function, ns. */
export function readCallLog(path: string): ReadonlyMap<string, readonly number[]> {
  const calls = new Map<string, number[]>();
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const [, name, , ns] = line.split(' ');
    if (name === undefined) continue;
    calls.set(name, [...(calls.get(name) ?? []), Number(ns)]);
  }
  return calls;
}
