import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { EXPORT_FORMATS } from '#shared/ipc/contract.ts';
import {
  DEFAULT_COST_LIMIT,
  DEFAULT_RATE_HZ,
  LATENCY_DETAILS,
  MAX_RATE_HZ,
  MIN_RATE_HZ,
  UNWIND_MODES,
} from '#shared/model/capture-spec.ts';
import { PROBE_KINDS } from '#shared/model/probe-list.ts';
import { countArgument, numberArgument, portArgument, secondsArgument } from './arguments.ts';
import type { ProbesOptions } from './commands/probes.ts';
import type { ServeCommandOptions } from './commands/serve.ts';
import type { SymbolizeOptions } from './commands/symbolize.ts';
import type { ExitCode } from './exit-codes.ts';
import {
  DEMO_HELP,
  DOCTOR_HELP,
  EVENTS_HELP,
  EXPORT_HELP,
  INSTALL_HELPER_HELP,
  LATENCY_HELP,
  OPEN_HELP,
  PROBES_HELP,
  RECORD_HELP,
  REPORT_HELP,
  ROOT_HELP,
  SERVE_HELP,
  SQL_HELP,
  SYMBOLIZE_HELP,
  UNINSTALL_HELPER_HELP,
} from './help-text.ts';
import { defaultFileName, type RecordOptions, specOf } from './record-options.ts';
import { printError } from './terminal.ts';
import { VERSION } from './version.ts';

/** Help is laid out for this width, as its hand-written sections are. */
const HELP_COLUMNS = 100;

/** Receives the exit code of the command that ran. */
export type Done = (code: ExitCode) => void;

/**
 * The command line: names, options, help. What a command does is in commands/ and loaded when it runs,
 * so that --help and reports start quickly and need no native library.
 */
export function programOf(done: Done): Command {
  const program = new Command('emberscope')
    .description(
      'Linux profiler: records call stacks with eBPF into one session file, and reads them anywhere.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .enablePositionalOptions()
    .addHelpText('after', ROOT_HELP);
  for (const add of [
    ...[record, open, report, latency, events, symbolize, exportCommand, sql],
    ...[probes, serve, doctor, installHelper, uninstallHelper, demo],
  ])
    add(program, done);
  for (const command of program.commands) command.helpOption('-h, --help', 'print this help');
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .configureHelp({ helpWidth: HELP_COLUMNS })
      .showHelpAfterError(`(see: emberscope ${nameUnder(program, command)}--help)`);
  }
  return program;
}

const nameUnder = (program: Command, command: Command): string =>
  command === program ? '' : `${command.name()} `;

function record(program: Command, done: Done): void {
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

function open(program: Command, done: Done): void {
  program
    .command('open')
    .description('Open a session in the desktop app.')
    .argument('<FILE>', 'session file')
    .addHelpText('after', OPEN_HELP)
    .action(async (file: string) => {
      const { runOpen } = await import('./commands/open.ts');
      done(await runOpen(file));
    });
}

function report(program: Command, done: Done): void {
  program
    .command('report')
    .description('Print the hottest functions, losses and the own cost of a session.')
    .argument('<FILE>', 'session file')
    .option('-n, --top <N>', 'rows per table', countArgument, 15)
    .option('--quality', 'how far stacks and names can be trusted, and what to do about the rest')
    .option('--json', 'print as JSON')
    .addHelpText('after', REPORT_HELP)
    .action(async (file: string, options: { top: number; json?: boolean; quality?: boolean }) => {
      const { runReport } = await import('./commands/report.ts');
      done(await runReport(file, options));
    });
}

function latency(program: Command, done: Done): void {
  program
    .command('latency')
    .description('Print how long waits, calls and requests took, by kind and process.')
    .argument('<FILE>', 'session file')
    .option('-n, --top <N>', 'rows per source', countArgument, 20)
    .option('--json', 'print as JSON; times in nanoseconds')
    .addHelpText('after', LATENCY_HELP)
    .action(async (file: string, options: { top: number; json?: boolean }) => {
      const { runLatency } = await import('./commands/latency.ts');
      done(await runLatency(file, options));
    });
}

function probes(program: Command, done: Done): void {
  program
    .command('probes')
    .description('List what record can measure: functions, tracepoints, events, by name.')
    .argument('[WORD...]', 'words that all occur in the name; * stands for any characters')
    .option('-b, --binary <PATH>', 'functions and USDT probes of a program or library')
    .addOption(new Option('--kind <what>', 'one kind only').choices(PROBE_KINDS))
    .option('--estimate', 'count the one probe WORD for 0.2 s: how often, and at what cost')
    .option('-n, --top <N>', 'names per kind', countArgument, 20)
    .option('--json', 'print as JSON')
    .addHelpText('after', PROBES_HELP)
    .action(async (words: string[], options: ProbesOptions) => {
      const { runEstimate, runProbes } = await import('./commands/probes.ts');
      const query = words.join(' ');
      const isEstimate = options.estimate === true;
      done(isEstimate ? await runEstimate(query, options) : runProbes(query, options));
    });
}

function events(program: Command, done: Done): void {
  program
    .command('events')
    .description('Print the events of the traces in a session, with their fields.')
    .argument('<FILE>', 'session file')
    .option('-n, --limit <N>', 'events per trace', countArgument, 100)
    .option('--json', 'print as JSON')
    .addHelpText('after', EVENTS_HELP)
    .action(async (file: string, options: { limit: number; json?: boolean }) => {
      const { runEvents } = await import('./commands/events.ts');
      done(await runEvents(file, options));
    });
}

function symbolize(program: Command, done: Done): void {
  program
    .command('symbolize')
    .description('Give names to what has none in a recorded session, from files that are here now.')
    .argument('<FILE>', 'session file')
    .option('--force', 'look up all code again, also what has a name')
    .option('--debuginfod', 'fetch missing debug files from the servers in DEBUGINFOD_URLS')
    .option('--download-limit <MIB>', 'fetch at most this much, MiB', countArgument, 1024)
    .option('--json', 'print the outcome as JSON')
    .addHelpText('after', SYMBOLIZE_HELP)
    .action(async (file: string, options: SymbolizeOptions) => {
      const { runSymbolize } = await import('./commands/symbolize.ts');
      done(await runSymbolize(file, options));
    });
}

function exportCommand(program: Command, done: Done): void {
  program
    .command('export')
    .description('Write a session in another format.')
    .argument('<FILE>', 'session file')
    .requiredOption('-f, --format <FORMAT>', EXPORT_FORMATS.join(', '))
    .option('-o, --output <OUT>', 'file to write; "-" is standard output', '-')
    .addHelpText('after', EXPORT_HELP)
    .action(async (file: string, options: { format: string; output: string }) => {
      const { runExport } = await import('./commands/export.ts');
      done(await runExport(file, options));
    });
}

function sql(program: Command, done: Done): void {
  program
    .command('sql')
    .description('Ask a session an SQL question.')
    .argument('<FILE>', 'session file')
    .argument('<QUERY>', 'one SQL question')
    .option('--json', 'print an array of objects')
    .option('--csv', 'print comma-separated values (RFC 4180), headings first')
    .addHelpText('after', SQL_HELP)
    .action(async (file: string, query: string, options: { json?: boolean; csv?: boolean }) => {
      const { runSqlCommand } = await import('./commands/sql.ts');
      done(await runSqlCommand(file, query, options));
    });
}

function serve(program: Command, done: Done): void {
  program
    .command('serve')
    .description('Show the window in a browser of this machine, for machines without a display.')
    .argument('[FILE]', 'session file to show')
    .option(
      '--port <N>',
      'port of 127.0.0.1 to listen on (default: one that is free)',
      portArgument,
    )
    .option('--record', 'record the whole machine at once and show it live')
    .option('--user <NAME>', 'started by root: the user to serve as (default: who called sudo)')
    .addHelpText('after', SERVE_HELP)
    .action(async (file: string | undefined, options: Partial<ServeCommandOptions>) => {
      const { runServe } = await import('./commands/serve.ts');
      done(await runServe(file ?? null, { port: 0, ...options }));
    });
}

function installHelper(program: Command, done: Done): void {
  program
    .command('install-helper')
    .description('As root: let users record by password, or a group without one.')
    .option('--group <NAME>', 'members of this group record everything without being asked')
    .addHelpText('after', INSTALL_HELPER_HELP)
    .action(async (options: { group?: string }) => {
      const { runInstallHelper } = await import('./commands/install-helper.ts');
      done(runInstallHelper(options));
    });
}

function uninstallHelper(program: Command, done: Done): void {
  program
    .command('uninstall-helper')
    .description('As root: take away what install-helper brought.')
    .addHelpText('after', UNINSTALL_HELPER_HELP)
    .action(async () => {
      const { runUninstallHelper } = await import('./commands/install-helper.ts');
      done(runUninstallHelper());
    });
}

function doctor(program: Command, done: Done): void {
  program
    .command('doctor')
    .description('Say what works on this machine, and the fix for what does not.')
    .option('--json', 'print as JSON')
    .addHelpText('after', DOCTOR_HELP)
    .action(async (options: { json?: boolean }) => {
      const { runDoctor } = await import('./commands/doctor.ts');
      done(await runDoctor(options));
    });
}

function demo(program: Command, done: Done): void {
  program
    .command('demo')
    .description('Record a bundled workload for 5 seconds and show what comes of it.')
    .option('-d, --duration <TIME>', 'record this long', secondsArgument, 5)
    .addHelpText('after', DEMO_HELP)
    .action(async (options: { duration: number }) => {
      const { runDemo } = await import('./commands/demo.ts');
      done(await runDemo(options.duration));
    });
}
