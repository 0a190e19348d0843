/** One field of a trace's events, and where its payload has it. */
export interface TraceField {
  readonly name: string;
  /** As the kernel writes it, e.g. "pid_t", "char[16]". */
  readonly type: string;
  /** In the payload, bytes. */
  readonly offset: number;
  readonly size: number;
  readonly form: TraceForm;
}

/** text: up to the first zero byte. hex: addresses and registers. dynamic: a text elsewhere in the record. */
export const TRACE_FORMS = ['signed', 'unsigned', 'hex', 'text', 'dynamic', 'bytes'] as const;
export type TraceForm = (typeof TRACE_FORMS)[number];

export type TraceValue = number | string;

declare const TextDecoder: new () => { decode(bytes: Uint8Array): string };

const SAFE = 2n ** 53n;

/** Values of an event's fields; numbers beyond 2^53 as decimal text. Missing bytes: "?". */
export function readTraceFields(
  fields: readonly TraceField[],
  payload: Uint8Array,
): readonly TraceValue[] {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return fields.map((field) =>
    field.offset + field.size <= payload.length ? valueOf(field, view, payload) : '?',
  );
}

function valueOf(
  { form, offset, size }: TraceField,
  view: DataView,
  payload: Uint8Array,
): TraceValue {
  switch (form) {
    case 'text':
      return textIn(payload, offset, size);
    case 'dynamic': {
      // __data_loc: the offset in the record in the low half, the length in the high half.
      const location = view.getUint32(offset, true);
      return textIn(payload, location & 0xffff, location >>> 16);
    }
    case 'bytes':
      return Array.from(payload.subarray(offset, offset + size), hexByte).join(' ');
    case 'hex':
      return `0x${bitsAt(view, offset, size).toString(16)}`;
    case 'signed':
      return plain(BigInt.asIntN(size * 8, bitsAt(view, offset, size)));
    case 'unsigned':
      return plain(bitsAt(view, offset, size));
  }
}

const hexByte = (byte: number): string => byte.toString(16).padStart(2, '0');

function textIn(payload: Uint8Array, offset: number, size: number): string {
  if (offset >= payload.length) return '?';
  const bytes = payload.subarray(offset, offset + size);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The bits of 1, 2, 4 or 8 bytes. */
function bitsAt(view: DataView, offset: number, size: number): bigint {
  if (size === 8) return view.getBigUint64(offset, true);
  if (size === 4) return BigInt(view.getUint32(offset, true));
  return BigInt(size === 2 ? view.getUint16(offset, true) : view.getUint8(offset));
}

const plain = (value: bigint): TraceValue =>
  value > -SAFE && value < SAFE ? Number(value) : value.toString();
