import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { invariant } from '../../main/shared/invariant.ts';
import { benchRecorder, benchRecordingCost } from './recording-cost.ts';
import { benchStore } from './store.ts';

/** Entry of `npm run bench`; scripts/bench.mjs builds and starts it. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { folder: { type: 'string' }, target: { type: 'string' }, cli: { type: 'string' } },
});
const { folder, target, cli } = values;
invariant(folder && target && cli, 'started by scripts/bench.mjs, which gives every path');

if (positionals.includes('store')) await benchStore(join(folder, 'million.ember'));
if (positionals.includes('recording')) {
  await benchRecordingCost({ target, cli, folder });
  benchRecorder({ target, cli, folder });
}
