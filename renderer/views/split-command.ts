import { err, ok, type Result } from '#shared/result.ts';

/**
 * Splits a command line into arguments: blanks separate, single and double quotes group, a backslash
 * takes the next character as it is (inside double quotes too). Nothing is expanded: no shell runs it.
 */
export function splitCommand(line: string): Result<string[], string> {
  const args: string[] = [];
  let current = '';
  let started = false;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (char === '\\' && quote !== "'") {
      at++;
      if (at === line.length) return err('The line ends in a backslash.');
      current += line.charAt(at);
      started = true;
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else current += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      started = true;
    } else if (/\s/.test(char)) {
      if (started) args.push(current);
      current = '';
      started = false;
    } else {
      current += char;
      started = true;
    }
  }
  if (quote !== '') return err(`A ${quote} is not closed.`);
  if (started) args.push(current);
  return args.length === 0 ? err('Enter a command.') : ok(args);
}
