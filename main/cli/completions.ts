import type { Command } from 'commander';
import { type CommandFacts, factsOf, type OptionFacts, type Values } from './completion-facts.ts';

/** Shells whose completions we generate; the packages install them. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A shell's completions for every command and option of `program`, ready to be installed. */
export function completionScript(program: Command, shell: Shell): string {
  const name = program.name();
  const commands = program.commands.map(factsOf);
  switch (shell) {
    case 'bash':
      return bash(name, commands);
    case 'zsh':
      return zsh(name, commands);
    case 'fish':
      return fish(name, commands);
  }
}

/** For a shell's single quotes. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function bash(name: string, commands: readonly CommandFacts[]): string {
  const commandNames = commands.map((command) => command.name);
  const first = [...commandNames, 'help', '--help', '--version'];
  const cases = commands.map((command) => {
    const names = command.options.flatMap((option) => option.names);
    const values = command.options.flatMap(({ names: spelled, values: wanted }) =>
      wanted === null ? [] : [`        ${spelled.join('|')}) ${bashReply(wanted)}; return ;;`],
    );
    return `    ${command.name})
      case $previous in
${[...values, '        *) ;;'].join('\n')}
      esac
      if [[ $current == -* ]]; then
        ${bashReply({ kind: 'words', words: names })}
      else
        ${bashReply(command.operands)}
      fi ;;`;
  });
  return `# bash completion for ${name}; generated from its command line
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    ${bashReply({ kind: 'words', words: first }, { kind: 'session' })}
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    help) ${bashReply({ kind: 'words', words: commandNames })} ;;
  esac
}
complete -o filenames -F _${name} ${name}
`;
}

/** One word per line: names may hold spaces. */
function bashReply(...offered: readonly Values[]): string {
  const sources = offered.flatMap(bashSources);
  if (sources.length === 0) return ':';
  const lines = sources.map((source) => `compgen ${source} -- "$current"`).join('; ');
  return `mapfile -t COMPREPLY < <(${lines})`;
}

function bashSources(values: Values): readonly string[] {
  switch (values.kind) {
    case 'nothing':
      return [];
    case 'file':
      return ['-f'];
    case 'session':
      return [`-f -X '!*.ember'`, '-d'];
    case 'folder':
      return ['-d'];
    case 'process':
      return [`-W "$(cd /proc && printf '%s ' [0-9]*)"`];
    case 'program':
      return ['-c'];
    case 'words':
      return [`-W ${quoted(values.words.join(' '))}`];
  }
}

function zsh(name: string, commands: readonly CommandFacts[]): string {
  const described = commands.map(
    (command) => `    ${quoted(`${command.name}:${zshText(command.about)}`)}`,
  );
  const cases = commands.map((command) => {
    const operands = zshAction(command.operands);
    // Two colons: what follows is a command line of its own.
    const colons = command.operands.kind === 'program' ? '*::' : '*:';
    const rest = operands === '' ? [] : [quoted(`${colons}${operandLabel(command)}:${operands}`)];
    const specs = [...command.options.map(zshOption), ...rest];
    return `      ${command.name})
        _arguments -s -S ${['', ...specs].join(' \\\n          ').trim()} ;;`;
  });
  return `#compdef ${name}
# zsh completion for ${name}; generated from its command line
_${name}() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  if ((CURRENT == 2)); then
    _describe -t commands command commands
    _files -g '*.ember'
    return
  fi
  local chosen=$words[2]
  shift words
  ((CURRENT--))
  case $chosen in
${cases.join('\n')}
      help) _describe -t commands command commands ;;
  esac
}
_${name} "$@"
`;
}

const operandLabel = ({ operands }: CommandFacts): string =>
  operands.kind === 'program' ? 'command' : 'session';

/** _arguments' own marks, escaped. */
const zshText = (text: string): string => text.replaceAll(/[[\]:\\]/g, '\\$&');

function zshOption({ names, about, values }: OptionFacts): string {
  const value = values === null ? '' : `:value:${zshAction(values)}`;
  const specs = names.map((spelled) =>
    quoted(
      `(${names.join(' ')})${spelled}${values !== null && spelled.startsWith('--') ? '=' : ''}[${zshText(about)}]${value}`,
    ),
  );
  return specs.join(' ');
}

function zshAction(values: Values): string {
  switch (values.kind) {
    case 'nothing':
      return '';
    case 'file':
      return '_files';
    case 'session':
      return '_files -g "*.ember"';
    case 'folder':
      return '_files -/';
    case 'process':
      return '_pids';
    case 'program':
      return '_normal';
    case 'words':
      return `(${values.words.join(' ')})`;
  }
}

function fish(name: string, commands: readonly CommandFacts[]): string {
  const names = commands.map((command) => command.name).join(' ');
  const start = `not __fish_seen_subcommand_from ${names} help`;
  const lines = [
    `# fish completion for ${name}; generated from its command line`,
    `complete -c ${name} -f`,
    `complete -c ${name} -n ${quoted(start)} -k -a '(__fish_complete_suffix .ember)'`,
  ];
  for (const command of commands) {
    const after = `__fish_seen_subcommand_from ${command.name}`;
    lines.push(
      `complete -c ${name} -n ${quoted(start)} -a ${command.name} -d ${fishQuoted(command.about)}`,
      ...command.options.map(
        (option) => `complete -c ${name} -n ${quoted(after)}${fishOption(option)}`,
      ),
    );
    const operands = fishAction(command.operands);
    if (operands !== '') lines.push(`complete -c ${name} -n ${quoted(after)} ${operands}`);
  }
  return `${lines.join('\n')}\n`;
}

/** fish knows \\' and \\\\ inside single quotes. */
const fishQuoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;

function fishOption({ names, about, values }: OptionFacts): string {
  const spelled = names.map((name) =>
    name.startsWith('--') ? ` -l ${name.slice(2)}` : ` -s ${name.slice(1)}`,
  );
  const action = values === null ? '' : ` -x ${fishAction(values)}`.trimEnd();
  return `${spelled.join('')} -d ${fishQuoted(about)}${action}`;
}

function fishAction(values: Values): string {
  switch (values.kind) {
    case 'nothing':
      return '';
    case 'file':
      return `-a '(__fish_complete_path)'`;
    case 'session':
      return `-k -a '(__fish_complete_suffix .ember)'`;
    case 'folder':
      return `-a '(__fish_complete_directories)'`;
    case 'process':
      return `-a '(__fish_complete_pids)'`;
    case 'program':
      return `-a '(__fish_complete_command)'`;
    case 'words':
      return `-a ${quoted(values.words.join(' '))}`;
  }
}
