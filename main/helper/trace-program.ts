import type { ProfilerError } from '#shared/errors.ts';
import type { TraceField } from '#shared/model/trace-fields.ts';
import { type Comparison, type FilterStep, parseFilter } from '#shared/model/trace-filter.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { TRACE_STEP } from '../capture/wire/records.ts';

/** FILTER_* and COMPARE_* of wire.h. */
const KINDS = { number: 0, text: 1, and: 2, or: 3, not: 4 } as const;
const COMPARES = { equal: 0, notEqual: 1, less: 2, lessEqual: 3, bits: 4 } as const;
/** FILTER_TEXT of wire.h. */
const TEXT_BYTES = 16;

/** The steps of a filter as trace_filter takes them, one array each. */
export function compileFilter(
  expression: string,
  fields: readonly TraceField[],
): Result<Uint8Array[], ProfilerError> {
  const parsed = parseFilter(expression);
  if (!parsed.ok) return err({ kind: 'filter-invalid', expression, ...parsed.error });
  const steps: Uint8Array[] = [];
  for (const step of parsed.value) {
    const encoded = encodeStep(step, fields);
    if ('reason' in encoded) return err({ kind: 'filter-invalid', expression, ...encoded });
    steps.push(...encoded);
  }
  return ok(steps);
}

type Problem = { readonly at: number; readonly reason: string };

function encodeStep(step: FilterStep, fields: readonly TraceField[]): Uint8Array[] | Problem {
  if (step.kind !== 'compare') return [stepOf({ kind: KINDS[step.kind] })];
  const { comparison } = step;
  const { field: name, at } = comparison;
  const field = fields.find((candidate) => candidate.name === name);
  if (field === undefined) {
    const known = fields.map((candidate) => candidate.name).join(', ');
    return { at, reason: `there is no field "${name}"; this probe has ${known || 'none'}` };
  }
  return typeof comparison.value === 'string'
    ? encodeText(comparison, comparison.value, field)
    : encodeNumber(comparison, comparison.value, field);
}

function encodeText(
  { operator, at }: Comparison,
  value: string,
  field: TraceField,
): Uint8Array[] | Problem {
  if (field.form !== 'text') {
    const why = field.form === 'dynamic' ? 'lies elsewhere in the record' : 'is no text';
    return {
      at,
      reason: `"${field.name}" ${why}: it cannot be compared with a text in the kernel`,
    };
  }
  const text = new TextEncoder().encode(value);
  if (text.length > TEXT_BYTES) {
    return {
      at,
      reason: `the first ${TEXT_BYTES} bytes of a text are compared, this one is longer`,
    };
  }
  const compare =
    operator === '~' ? COMPARES.less : operator === '==' ? COMPARES.equal : COMPARES.notEqual;
  return [stepOf({ kind: KINDS.text, compare, field, text })];
}

function encodeNumber(
  { operator, at }: Comparison,
  value: bigint,
  field: TraceField,
): Uint8Array[] | Problem {
  if (!['signed', 'unsigned', 'hex'].includes(field.form)) {
    return { at, reason: `"${field.name}" is no number` };
  }
  const is = (compare: number): Uint8Array =>
    stepOf({ kind: KINDS.number, compare, field, value: BigInt.asUintN(64, value) });
  const not = stepOf({ kind: KINDS.not });
  switch (operator) {
    case '==':
      return [is(COMPARES.equal)];
    case '!=':
      return [is(COMPARES.notEqual)];
    case '<':
      return [is(COMPARES.less)];
    case '<=':
      return [is(COMPARES.lessEqual)];
    case '>':
      return [is(COMPARES.lessEqual), not];
    case '>=':
      return [is(COMPARES.less), not];
    case '&':
      return [is(COMPARES.bits)];
    case '~':
      return { at, reason: '~ compares texts' };
  }
}

/** struct trace_step. */
function stepOf(step: {
  readonly kind: number;
  readonly compare?: number;
  readonly field?: TraceField;
  readonly value?: bigint;
  readonly text?: Uint8Array;
}): Uint8Array {
  const at = TRACE_STEP.fields;
  const bytes = new Uint8Array(TRACE_STEP.size);
  const view = new DataView(bytes.buffer);
  view.setUint8(at.kind, step.kind);
  view.setUint8(at.compare, step.compare ?? 0);
  view.setUint8(at.is_signed, step.field?.form === 'signed' ? 1 : 0);
  view.setUint16(at.offset, step.field?.offset ?? 0, true);
  view.setUint16(at.size, step.field?.size ?? 0, true);
  view.setBigUint64(at.value, step.value ?? 0n, true);
  bytes.set(step.text ?? [], at.text);
  return bytes;
}
