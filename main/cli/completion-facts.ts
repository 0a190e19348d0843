import type { Argument, Command, Option } from 'commander';
import { EXPORT_FORMATS } from '#shared/ipc/contract.ts';

/** What may stand in the place of a value. */
export type Values =
  | { readonly kind: 'nothing' | 'file' | 'session' | 'folder' | 'process' | 'program' }
  | { readonly kind: 'words'; readonly words: readonly string[] };

/** An option as completions show it. */
export interface OptionFacts {
  /** Such as "--output", "-o": as typed. */
  readonly names: readonly string[];
  readonly about: string;
  /** null: a switch. */
  readonly values: Values | null;
}

/** A command as completions show it. */
export interface CommandFacts {
  readonly name: string;
  readonly about: string;
  readonly options: readonly OptionFacts[];
  /** Of the words that are no options. */
  readonly operands: Values;
}

/** What completions need to know of a command, from its own description. */
export function factsOf(command: Command): CommandFacts {
  const shown = command.createHelp().visibleOptions(command);
  return {
    name: command.name(),
    about: firstSentence(command.description()),
    options: shown.map((option) => ({
      names: [option.long, option.short].filter((name) => name !== undefined),
      about: option.description,
      values: valuesOf(option),
    })),
    operands: operandsOf(command.registeredArguments),
  };
}

function valuesOf(option: Option): Values | null {
  if (!option.required && !option.optional) return null;
  if (option.argChoices !== undefined) return { kind: 'words', words: option.argChoices };
  const placeholder = /[<[]([A-Za-z]+)/.exec(option.flags)?.[1] ?? '';
  return placeholderValues(placeholder);
}

/** What the placeholders of --help stand for. */
function placeholderValues(placeholder: string): Values {
  switch (placeholder) {
    case 'FILE':
    case 'OUT':
      return { kind: 'file' };
    case 'PATH':
    case 'FOLDER':
      return { kind: 'folder' };
    case 'PID':
      return { kind: 'process' };
    case 'FORMAT':
      return { kind: 'words', words: EXPORT_FORMATS };
    default:
      return { kind: 'nothing' };
  }
}

function operandsOf(operands: readonly Argument[]): Values {
  const [first] = operands;
  if (first === undefined) return { kind: 'nothing' };
  if (first.argChoices !== undefined) return { kind: 'words', words: first.argChoices };
  if (first.name() === 'FILE') return { kind: 'session' };
  return first.variadic ? { kind: 'program' } : { kind: 'nothing' };
}

const firstSentence = (text: string): string => text.replace(/\.(\s.*)?$/s, '');
