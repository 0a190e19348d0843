import type { Command } from 'commander';
import { EXPORT_FORMATS } from '#shared/ipc/contract.ts';
import { countArgument } from './arguments.ts';
import type { SymbolizeOptions } from './commands/symbolize.ts';
import type { Done } from './exit-codes.ts';
import {
  EVENTS_HELP,
  EXPORT_HELP,
  LATENCY_HELP,
  OPEN_HELP,
  REPORT_HELP,
  SQL_HELP,
  SYMBOLIZE_HELP,
} from './help-text.ts';

/** The commands that read a session. */

export function open(program: Command, done: Done): void {
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

export function report(program: Command, done: Done): void {
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

export function latency(program: Command, done: Done): void {
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

export function events(program: Command, done: Done): void {
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

export function symbolize(program: Command, done: Done): void {
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

export function exportCommand(program: Command, done: Done): void {
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

export function sql(program: Command, done: Done): void {
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
