import { readFileSync } from 'node:fs';
import type { TraceField, TraceForm } from '#shared/model/trace-fields.ts';
import { TRACEFS } from '../bpf/tracepoint-list.ts';

/** Fields every record begins with, which samples have already. */
const COMMON = /^common_/;

/** The format file of a tracepoint; null: there is none, or we may not read it. */
export function readTraceFormat(category: string, name: string): string | null {
  for (const root of TRACEFS) {
    try {
      return readFileSync(`${root}/events/${category}/${name}/format`, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error) continue;
      throw error;
    }
  }
  return null;
}

const FIELD =
  /^\s*field:(?<declaration>.+);\s*offset:(?<offset>\d+);\s*size:(?<size>\d+);\s*signed:(?<signed>[01]);/;

/** Fields of a format file, in its order: Documentation/trace/events.rst, "Event formats". */
export function parseTraceFormat(text: string): TraceField[] {
  return text.split('\n').flatMap((line) => {
    const groups = FIELD.exec(line)?.groups;
    if (groups === undefined) return [];
    const [declaration = '', offset, size] = [
      groups['declaration'],
      groups['offset'],
      groups['size'],
    ];
    // The name is the last word: "char prev_comm[16]", "__data_loc char[] name", "unsigned long ip".
    const found = /^(?<type>.*?)(?<name>\w+)(?<array>\[[^\]]*\])?$/.exec(declaration.trim());
    const { type = '', name = '', array = '' } = found?.groups ?? {};
    if (name === '' || COMMON.test(name)) return [];
    const bytes = Number(size);
    const whole = `${type.trim()}${array}`;
    const form = formOf(whole, bytes, groups['signed'] === '1');
    return [{ name, type: whole, offset: Number(offset), size: bytes, form }];
  });
}

function formOf(type: string, size: number, isSigned: boolean): TraceForm {
  if (type.startsWith('__data_loc')) return /char/.test(type) ? 'dynamic' : 'unsigned';
  if (/^(const )?char\s*\[/.test(type)) return 'text';
  if (![1, 2, 4, 8].includes(size) || type.includes('[')) return 'bytes';
  if (type.includes('*')) return 'hex';
  return isSigned ? 'signed' : 'unsigned';
}
