import type { Command } from 'commander';

/** A heading of --help with its lines, as hand-written in help-text.ts. */
interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

/**
 * The manual page emberscope(1) in roff's man macros, from the commands' own help: nothing is written twice.
 * `date` is ISO.
 */
export function manPage(program: Command, version: string, date: string): string {
  const name = program.name();
  const root = sectionsOf(program);
  const about = program.description();
  return `${[
    `.\\" Generated from the command line of ${name}; changes here are lost.`,
    `.TH ${name.toUpperCase()} 1 "${date}" "${name} ${version}" "User Commands"`,
    '.SH NAME',
    `${name} \\- ${roff(about.replace(/\.$/, ''))}`,
    '.SH SYNOPSIS',
    ...program.commands.flatMap(synopsis),
    '.SH DESCRIPTION',
    roff(about),
    'Each command explains itself with',
    `.BR "${name} COMMAND \\-\\-help" .`,
    'Without arguments the commands are listed; the desktop app is in the menu of the desktop, and',
    `.B ${name} FILE.ember`,
    'opens a session in it.',
    '.SH COMMANDS',
    ...program.commands.flatMap(commandPart),
    ...root.flatMap(({ title, lines }) => [`.SH ${quotedTitle(title)}`, ...body(title, lines)]),
    '.SH SEE ALSO',
    '.BR perf (1),',
    '.BR pkexec (1),',
    '.BR bpf (2),',
    '.BR perf_event_open (2)',
  ].join('\n')}\n`;
}

function synopsis(command: Command): string[] {
  const usage = command.createHelp().commandUsage(command);
  const words = usage.split(' ');
  const [program = '', name = '', ...rest] = words;
  return ['.PP', `.B ${roff(`${program} ${name}`)}`, roff(rest.join(' '))];
}

function commandPart(command: Command): string[] {
  const help = command.createHelp();
  return [
    `.SS ${roff(command.name())}`,
    roff(command.description()),
    ...help
      .visibleOptions(command)
      .flatMap((option) => [
        '.TP',
        `.B ${roff(help.optionTerm(option))}`,
        roff(help.optionDescription(option)),
      ]),
    ...sectionsOf(command)
      .filter(({ title }) => title !== 'EXIT CODES')
      .flatMap(({ title, lines }) => [
        '.PP',
        `.I ${roff(sentenceCase(title))}`,
        ...body(title, lines),
      ]),
  ];
}

/** What stands below the options of --help. */
function sectionsOf(command: Command): readonly Section[] {
  let text = '';
  const output = { writeOut: (part: string) => (text += part) };
  const plain = command.configureOutput();
  command.configureOutput({ ...plain, ...output });
  command.outputHelp();
  command.configureOutput(plain);
  const sections: { title: string; lines: string[] }[] = [];
  for (const line of text.slice(command.helpInformation().length).split('\n')) {
    if (/^[A-Z][A-Z ]+$/.test(line)) sections.push({ title: line, lines: [] });
    else if (line.trim() !== '') sections.at(-1)?.lines.push(line.slice(2));
  }
  return sections;
}

/**
 * Lines of help as paragraphs: "term   explanation" is a list, its deeper lines belong to it, examples stay
 * as typed, and the rest is text to fill.
 */
function body(title: string, lines: readonly string[]): string[] {
  const out: string[] = ['.br'];
  let inEntry = false;
  for (const line of lines) {
    const [, term, explanation] = /^(\S(?:.*?\S)?) {2,}(\S.*)$/.exec(line) ?? [];
    if (term !== undefined && explanation !== undefined) {
      out.push('.TP', `.B ${roff(term)}`, roff(explanation));
      inEntry = true;
    } else if (inEntry && line.startsWith(' ')) {
      out.push(roff(line.trim()));
    } else if (title === 'EXAMPLES') {
      out.push('.EX', roff(line.trimEnd()), '.EE');
      inEntry = false;
    } else {
      if (inEntry) out.push('.PP');
      out.push(roff(line.trim()));
      inEntry = false;
    }
  }
  return out;
}

const sentenceCase = (title: string): string => title.charAt(0) + title.slice(1).toLowerCase();
const quotedTitle = (title: string): string => `"${roff(title)}"`;

/** Text that troff takes for itself, made literal; \\- is a real minus sign that can be copied. */
function roff(text: string): string {
  const literal = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti');
  return /^\./.test(literal) ? `\\&${literal}` : literal;
}
