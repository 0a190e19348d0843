#!/usr/bin/env node
import { CommanderError } from 'commander';
import { printable } from '#shared/text/printable-text.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { programOf } from './program.ts';
import { log, out } from './terminal.ts';

/** Entry of the command line; its bundle is dist/cli/main.js. */
async function main(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = programOf((outcome) => {
    code = outcome;
  });
  if (args.length === 0) {
    log.write(program.helpInformation());
    return EXIT.usage;
  }
  const names = program.commands.map((command) => command.name());
  try {
    await program.parseAsync(withCommand(args, [...names, 'help']), { from: 'user' });
    return code;
  } catch (cause) {
    // commander has printed its message; asking for help or the version is no error.
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? EXIT.ok : EXIT.usage;
    throw cause;
  }
}

/** "emberscope FILE.ember" means "emberscope open FILE.ember". */
function withCommand(args: readonly string[], names: readonly string[]): readonly string[] {
  const [first = ''] = args;
  const isFile = !names.includes(first) && first.endsWith('.ember');
  return isFile ? ['open', ...args] : args;
}

// Set where the app's executable is this command's runtime: not meant for the programs that we start.
delete process.env['ELECTRON_RUN_AS_NODE'];
try {
  const code = await main(process.argv.slice(2));
  await Promise.all([out.flush(), log.flush()]);
  // Not left to the event loop: a library's thread could keep it alive.
  process.exit(code);
} catch (cause) {
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  log.line('emberscope: this is a defect, please report it with the text below');
  for (const line of text.split('\n')) log.line(`  ${printable(line)}`);
  await log.flush();
  process.exit(EXIT.failed);
}
