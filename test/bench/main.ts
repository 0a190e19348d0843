import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { invariant } from '../../main/shared/invariant.ts';
import { benchCalls } from './calls.ts';
import { benchLongRecording } from './long-recording.ts';
import { benchRecorder, benchRecordingCost } from './recording-cost.ts';
import { benchSched } from './sched.ts';
import { benchStacks } from './stacks.ts';
import { benchStore } from './store.ts';
import { benchTables } from './tables.ts';

/** Entry of `npm run bench`; scripts/bench.mjs builds and starts it. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string' },
    target: { type: 'string' },
    cli: { type: 'string' },
    fixtures: { type: 'string' },
  },
});
const { folder, target, cli, fixtures } = values;
invariant(folder && target && cli && fixtures, 'started by scripts/bench.mjs, with every path');

if (positionals.includes('store')) await benchStore(join(folder, 'million.ember'));
if (positionals.includes('stacks')) await benchStacks({ cli, folder, fixtures });
if (positionals.includes('tables')) benchTables();
if (positionals.includes('recording')) {
  await benchRecordingCost({ target, cli, folder });
  benchRecorder({ target, cli, folder });
}
if (positionals.includes('sched')) {
  await benchSched({ target: join(folder, 'ping_pong'), cli, folder });
}
if (positionals.includes('calls')) {
  await benchCalls({ target: join(folder, 'calls'), cli, folder });
}
if (positionals.includes('functions')) {
  // Not before: importing it fetches a kernel.
  const { benchKernelFunctions } = await import('./kernel-functions.ts');
  await benchKernelFunctions({ target: join(folder, 'calls'), folder });
}
if (positionals.includes('long')) await benchLongRecording({ target, cli, folder });
