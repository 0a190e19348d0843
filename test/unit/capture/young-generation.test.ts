import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../../..');

/** Fills and drops arrays that live long enough to make V8 double its young generation. */
const PROGRAM = `
import { getHeapSpaceStatistics } from 'node:v8';
import { YoungGenerationLimit } from './main/capture/young-generation.ts';
const size = () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
const press = (limit) => {
  let kept = [];
  for (let round = 0; round < 3_000_000; round++) {
    const made = { round, list: [round] };
    if (round % 50 === 0) kept.push(made);
    if (kept.length > 10_000) kept = [];
    if (round % 5000 === 0) limit?.check();
  }
  return size();
};
const limit = new YoungGenerationLimit();
const limited = press(limit);
limit[Symbol.dispose]();
console.log(JSON.stringify({ limited, usual: press(null) }));
`;

describe('YoungGenerationLimit', () => {
  it('keeps the young generation at a quarter of its size, until it is disposed', async () => {
    const bundled = await build({
      stdin: { contents: PROGRAM, resolveDir: ROOT, loader: 'js' },
      ...{ bundle: true, write: false, platform: 'node', format: 'esm', target: 'node20' },
    });
    const code = bundled.outputFiles[0]!.text;
    const output = execFileSync(process.execPath, ['--input-type=module'], { input: code });
    const { limited, usual } = JSON.parse(output.toString()) as Record<string, number>;
    expect(limited).toBeLessThan(18 << 20);
    expect(usual).toBeGreaterThan(30 << 20);
  });
});
