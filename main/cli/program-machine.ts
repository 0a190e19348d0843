import { type Command, Option } from 'commander';
import { PROBE_KINDS } from '#shared/model/probe-list.ts';
import { countArgument, portArgument, secondsArgument } from './arguments.ts';
import type { ProbesOptions } from './commands/probes.ts';
import type { ServeCommandOptions } from './commands/serve.ts';
import type { Done } from './exit-codes.ts';
import {
  DEMO_HELP,
  DOCTOR_HELP,
  INSTALL_HELPER_HELP,
  PROBES_HELP,
  SERVE_HELP,
  UNINSTALL_HELPER_HELP,
} from './help-text.ts';

/** The commands about this machine: what it can measure, who may, and whether it works. */

export function probes(program: Command, done: Done): void {
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

export function serve(program: Command, done: Done): void {
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

export function installHelper(program: Command, done: Done): void {
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

export function uninstallHelper(program: Command, done: Done): void {
  program
    .command('uninstall-helper')
    .description('As root: take away what install-helper brought.')
    .addHelpText('after', UNINSTALL_HELPER_HELP)
    .action(async () => {
      const { runUninstallHelper } = await import('./commands/install-helper.ts');
      done(runUninstallHelper());
    });
}

export function doctor(program: Command, done: Done): void {
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

export function demo(program: Command, done: Done): void {
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
