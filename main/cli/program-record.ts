import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import {
  DEFAULT_COST_LIMIT,
  DEFAULT_RATE_HZ,
  LATENCY_DETAILS,
  MAX_RATE_HZ,
  MIN_RATE_HZ,
  UNWIND_MODES,
} from '#shared/model/capture-spec.ts';
import { countArgument, numberArgument, secondsArgument } from './arguments.ts';
import type { Done } from './exit-codes.ts';
import { RECORD_HELP } from './help-text.ts';
import { defaultFileName, type RecordOptions, specOf } from './record-options.ts';
import { printError } from './terminal.ts';

/** The command that makes sessions. */
export function record(program: Command, done: Done): void {
  program
    .command('record')
    .description('Record call stacks of code running on the CPUs into a session file.')
    .usage('[-a | -p PID | --cgroup PATH | -- COMMAND...] [options]')
    .argument('[command...]', 'program to start and follow, with its arguments')
    .passThroughOptions()
    .option('-a, --all', 'record the whole machine')
    .option(
      '-p, --pid <PID>',
      'record a running process, its threads and its children',
      numberArgument,
    )
    .option('--cgroup <PATH>', 'record a cgroup v2 folder, absolute or relative to its mount')
    .option(
      '-F, --frequency <HZ>',
      `samples per second and CPU, ${MIN_RATE_HZ} to ${MAX_RATE_HZ}`,
      numberArgument,
      DEFAULT_RATE_HZ,
    )
    .option(
      '-d, --duration <TIME>',
      'stop by itself after this time: seconds, or with unit as 500ms, 5m, 1h; 10ms to 24 days',
      secondsArgument,
    )
    .option('-o, --output <FILE>', 'session file to write (default: DATE-TIME-TARGET.ember)')
    .option('--force', 'replace FILE if it exists')
    .option('--aggregate', 'count stacks in the kernel, per second; for recordings of hours')
    .option('--include-idle', 'keep samples of idle CPUs')
    .option('--no-kernel', 'leave out kernel stacks')
    .option('--no-user', 'leave out user stacks')
    .addOption(
      new Option('--unwind <how>', 'walk user stacks by tables and frame pointers, or one of them')
        .choices(UNWIND_MODES)
        .default('auto'),
    )
    .option('--no-on-cpu', 'no samples of what runs on the CPUs')
    .option('--off-cpu [MIN]', 'waits of at least MIN (1ms), with the stacks that wait')
    .option('--wakers', 'who ended each wait, with stacks')
    .option('--run-queue [MIN]', 'time between wake-up, or preemption, and running')
    .option('--syscalls', 'system calls: time and errors')
    .option('--block-io', 'block requests: time in queue and in the device')
    .option('--function <PROBE>', 'calls of NAME, NAM* (kernel), PATH:NAME; repeatable', collect)
    .option('--count <EVENT>', 'stacks of page-faults, CATEGORY:NAME, ...; repeatable', collect)
    .option('--trace <PROBE>', 'list the events of a probe with their fields', collect)
    .option('--filter <EXPR>', 'record only the trace events for which EXPR holds')
    .option('--returns', 'trace functions at their return: value returned, time taken')
    .option('--trace-limit <N>', 'trace events recorded per second', countArgument)
    .option('--min <DURATION>', 'record only calls of at least this long')
    .option(
      '--cost-limit <PERCENT>',
      'measure fewer calls above this share of one CPU; 0: no limit',
      numberArgument,
      DEFAULT_COST_LIMIT * 100,
    )
    .addOption(
      new Option('--detail <what>', 'keep each call, or counts per bucket and examples').choices(
        LATENCY_DETAILS,
      ),
    )
    .option('-q, --quiet', 'print errors only')
    .option('--json', 'print the outcome as JSON on standard output')
    .addHelpText('after', RECORD_HELP)
    .action(async (command: string[], options: RecordOptions) => {
      const spec = specOf(options, command, process.cwd());
      if (!spec.ok) {
        done(printError(spec.error));
        return;
      }
      const path = resolve(options.output ?? defaultFileName(spec.value.target, new Date()));
      const { runRecord } = await import('./commands/record.ts');
      const { force = false, quiet = false, json = false } = options;
      done(await runRecord(spec.value, path, { force, quiet, json }));
    });
}

/** A repeatable option: its values in order. */
const collect = (value: string, earlier: readonly string[] | undefined): readonly string[] => [
  ...(earlier ?? []),
  value,
];
