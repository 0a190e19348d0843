import type { TraceField, TraceForm } from '#shared/model/trace-fields.ts';
import { type BtfFunction, type BtfValue, readBtfFunction } from '../bpf/btf-function.ts';
import {
  ARGUMENT_PLACES,
  ARGUMENT_TEXT_BYTES,
  REGISTER,
  TRACE_ARGUMENT,
} from '../capture/wire/records.ts';
import type { SdtArgument } from '../elf/sdt-arguments.ts';

/** The fields of a traced call: what they are called, and where the program finds them. */
export interface CallFields {
  readonly fields: readonly TraceField[];
  /** struct trace_argument, one for each field. */
  readonly places: readonly Uint8Array[];
}

/** One field before it has a place in the payload. */
interface Wanted {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly form: TraceForm;
  readonly place: keyof typeof ARGUMENT_PLACES;
  readonly base?: number;
  readonly scaled?: number;
  readonly shift?: number;
  readonly displacement?: number;
}

/** Registers of arguments in their order: System V psABI. */
const ARGUMENT_REGISTERS = ['rdi', 'rsi', 'rdx', 'rcx', 'r8', 'r9'] as const;
const WORD_BYTES = 8;
const TEXT_BYTES = ARGUMENT_TEXT_BYTES;

/**
 * Fields of a kernel function's calls: its parameters by name and type where the kernel's type
 * information has it, else the registers.
 */
export function kernelCallFields(name: string, isReturn: boolean): CallFields {
  const known = readBtfFunction(name);
  const parameters = known === null ? REGISTERS : parametersOf(known);
  return laidOut([...parameters, ...(isReturn ? outcomeOf(known) : [])]);
}

/** Fields of a user function's calls: nobody knows its types, so the registers. */
export const userCallFields = (isReturn: boolean): CallFields =>
  laidOut([...REGISTERS, ...(isReturn ? outcomeOf(null) : [])]);

/** Fields of a USDT probe at one of its sites; arguments that cannot be read there are zero. */
export function usdtFields(
  sites: readonly (readonly (SdtArgument | null)[])[],
): readonly CallFields[] {
  const shapes = Array.from(
    { length: Math.max(0, ...sites.map(({ length }) => length)) },
    (_, index) =>
      sites.find((site) => site[index] !== undefined && site[index] !== null)?.[index] ?? null,
  );
  return sites.map((site) =>
    laidOut(
      shapes.flatMap((shape, index) => {
        if (shape === null) return [];
        const { size, isSigned } = shape;
        const form = isSigned ? 'signed' : size === WORD_BYTES ? 'hex' : 'unsigned';
        const type = `${isSigned ? 'int' : 'uint'}${size * 8}_t`;
        const { place = 'value', base, scaled, shift = 0, displacement = 0 } = site[index] ?? {};
        const registers = { base: base ?? REGISTER.none, scaled: scaled ?? REGISTER.none };
        const wanted: Wanted = {
          ...{ name: `arg${index}`, type, size, form, place },
          ...{ ...registers, shift, displacement },
        };
        return [wanted];
      }),
    ),
  );
}

const REGISTERS: readonly Wanted[] = ARGUMENT_REGISTERS.map((register, index) => ({
  ...{ name: `arg${index}`, type: 'unsigned long', size: WORD_BYTES, form: 'hex' },
  ...{ place: 'value', base: REGISTER[register] },
}));

/** Parameters up to the first that is not in one register: behind it nothing is sure. */
function parametersOf({ parameters }: BtfFunction): Wanted[] {
  const unclear = parameters.findIndex(({ form }) => form === 'aggregate');
  const clear = parameters.slice(0, unclear < 0 ? ARGUMENT_REGISTERS.length : unclear);
  return clear
    .slice(0, ARGUMENT_REGISTERS.length)
    .map((parameter, index) =>
      wantedOf(parameter.name, parameter, REGISTER[ARGUMENT_REGISTERS[index]!]),
    );
}

function wantedOf(name: string, { type, size, form }: BtfValue, base: number): Wanted {
  if (form === 'text') return { name, type, size: TEXT_BYTES, form, place: 'text', base };
  const shown = form === 'signed' || form === 'unsigned' ? form : 'hex';
  return { name, type, size: Math.min(size, WORD_BYTES), form: shown, place: 'value', base };
}

/** What a call returned, unless it returns nothing, and how long it took. */
function outcomeOf(known: BtfFunction | null): Wanted[] {
  const took = { name: 'took_ns', type: 'u64', size: WORD_BYTES, form: 'unsigned' } as const;
  const unknown: BtfValue = { type: 'long', size: WORD_BYTES, form: 'signed' };
  const value = known === null ? unknown : known.returns;
  const isPlain = value !== null && value.form !== 'aggregate';
  return [
    ...(isPlain ? [wantedOf('returned', value, REGISTER.rax)] : []),
    { ...took, place: 'value', base: REGISTER.took },
  ];
}

/** Numbers first, a word each; then texts, which begin at multiples of their size. */
function laidOut(wanted: readonly Wanted[]): CallFields {
  let word = 0;
  const numbers = wanted.filter(({ place }) => place !== 'text').length;
  let text = Math.ceil((numbers * WORD_BYTES) / TEXT_BYTES) * TEXT_BYTES;
  const fields = wanted.map(({ name, type, size, form, place }): TraceField => {
    const offset = place === 'text' ? text : word;
    if (place === 'text') text += TEXT_BYTES;
    else word += WORD_BYTES;
    return { name, type, offset, size, form };
  });
  return { fields, places: wanted.map((one, index) => encoded(one, fields[index]!.offset)) };
}

/** struct trace_argument. */
function encoded(wanted: Wanted, offset: number): Uint8Array {
  const at = TRACE_ARGUMENT.fields;
  const bytes = new Uint8Array(TRACE_ARGUMENT.size);
  const view = new DataView(bytes.buffer);
  view.setUint8(at.place, ARGUMENT_PLACES[wanted.place]);
  view.setUint8(at.base, wanted.base ?? REGISTER.none);
  view.setUint8(at.scaled, wanted.scaled ?? REGISTER.none);
  view.setUint8(at.shift, wanted.shift ?? 0);
  view.setUint16(at.offset, offset, true);
  view.setUint16(at.size, wanted.size, true);
  view.setBigInt64(at.displacement, BigInt(wanted.displacement ?? 0), true);
  return bytes;
}
