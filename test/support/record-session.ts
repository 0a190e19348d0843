import { startRecording } from '../../main/capture/capture-controller.ts';
import { hertz } from '../../main/shared/units.ts';

/**
 * Records into argv[2] the machine until it is killed, or the command that follows until it ends; says
 * that it began with the helper's pid.
 */
const argv = process.argv.slice(3);
const started = await startRecording(
  {
    sources: [{ kind: 'on-cpu' }],
    target: argv.length === 0 ? { kind: 'machine' } : { kind: 'command', argv, cwd: '/' },
    rate: hertz(499),
    mode: 'precise',
    includeIdle: true,
    costLimit: 0.05,
    kernelStacks: true,
    userStacks: true,
    unwind: 'auto',
    duration: null,
  },
  process.argv[2] ?? '',
);
if (!started.ok) throw new Error(JSON.stringify(started.error));
process.stdout.write(`${started.value.helperPid}\n`);
