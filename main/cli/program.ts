import { Command } from 'commander';
import type { Done } from './exit-codes.ts';
import { ROOT_HELP } from './help-text.ts';
import { demo, doctor, installHelper, probes, serve, uninstallHelper } from './program-machine.ts';
import { record } from './program-record.ts';
import {
  events,
  exportCommand,
  latency,
  open,
  report,
  sql,
  symbolize,
} from './program-sessions.ts';
import { VERSION } from './version.ts';

/** Help is laid out for this width, as its hand-written sections are. */
const HELP_COLUMNS = 100;

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
