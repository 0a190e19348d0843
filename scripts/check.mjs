#!/usr/bin/env node
// npm run check: everything that needs neither root nor a display, in about a minute.

import { existsSync } from 'node:fs';
import { runCheck, STATIC_CHECKS } from './lib/checks.mjs';
import { inRoot, ROOT } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { runMain, SetupError, say, seconds } from './lib/say.mjs';

await runMain(async () => {
  if (!existsSync(inRoot('node_modules/vitest'))) {
    throw new SetupError('The npm packages are not installed.', 'Run: npm run setup');
  }
  let failed = 0;
  for (const check of STATIC_CHECKS) {
    const { passed, output, ms } = runCheck(check);
    say(`${passed ? '✓' : '✗'} ${check.name} (${seconds(ms)})`);
    if (!passed) {
      failed++;
      say(output);
    }
  }
  const vitest = inRoot('node_modules/vitest/vitest.mjs');
  const unit = await run(process.execPath, [vitest, 'run', '--project', 'unit'], { cwd: ROOT });
  return failed === 0 && unit === 0 ? 0 : 1;
});
