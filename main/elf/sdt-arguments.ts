/**
 * Where a USDT probe's arguments are, as the compiler wrote it in assembler notation, e.g.
 * "-4@%edi 8@-16(%rbp) 4@$7": size in bytes, negative if signed, then an operand.
 * systemtap wiki, "UserSpaceProbeImplementation". x86-64.
 */
export interface SdtArgument {
  /** value: the sum below itself; memory: what stands there. */
  readonly place: 'value' | 'memory';
  readonly size: 1 | 2 | 4 | 8;
  readonly isSigned: boolean;
  /** Registers by their word in struct pt_regs; null: none. */
  readonly base: number | null;
  readonly scaled: number | null;
  /** The second register counts 2^shift times. */
  readonly shift: number;
  readonly displacement: number;
}

/** Words of struct pt_regs (asm/ptrace.h), by the 64-bit name without its "r". */
const WORDS = [
  ...['15', '14', '13', '12', 'bp', 'bx', '11', '10', '9', '8'],
  ...['ax', 'cx', 'dx', 'si', 'di', 'orig_ax', 'ip', 'cs', 'flags', 'sp'],
];

const ARGUMENT =
  /^(?<size>-?[1248])(?:f?)@(?:\$(?<constant>-?(?:0x[0-9a-f]+|\d+))|%(?<register>\w+)|(?<displacement>[-+]?(?:0x[0-9a-f]+|\d+))?\((?:%(?<base>\w+))?(?:,%(?<scaled>\w+)(?:,(?<scale>[1248]))?)?\))$/;

/** Each argument in its order; null: it is somewhere we cannot read, a floating-point register say. */
export function parseSdtArguments(text: string): (SdtArgument | null)[] {
  return text.split(/\s+/).filter(Boolean).map(parseArgument);
}

function parseArgument(text: string): SdtArgument | null {
  const found = ARGUMENT.exec(text)?.groups;
  if (found === undefined) return null;
  const size = Math.abs(Number(found['size'])) as SdtArgument['size'];
  const isSigned = text.startsWith('-');
  const none = { base: null, scaled: null, shift: 0, displacement: 0 };
  const { constant, register } = found;
  if (constant !== undefined) {
    const value = Number(constant.replace(/^-/, ''));
    if (!Number.isSafeInteger(value)) return null;
    const displacement = constant.startsWith('-') ? -value : value;
    return { ...none, place: 'value', size, isSigned, displacement };
  }
  if (register !== undefined) {
    const base = wordOf(register);
    return base === null ? null : { ...none, place: 'value', size, isSigned, base };
  }
  const base = found['base'] === undefined ? null : wordOf(found['base']);
  const scaled = found['scaled'] === undefined ? null : wordOf(found['scaled']);
  if (
    (found['base'] !== undefined && base === null) ||
    (found['scaled'] !== undefined && scaled === null)
  )
    return null;
  const shift = Math.log2(Number(found['scale'] ?? 1));
  const displacement = Number(found['displacement'] ?? 0);
  return { place: 'memory', size, isSigned, base, scaled, shift, displacement };
}

/** "rdi", "edi", "di", "dil", "r8", "r8d", "r8w", "r8b"; null: none of those, or a high byte such as "ah". */
function wordOf(register: string): number | null {
  const numbered = /^r(\d+)[dwb]?$/.exec(register)?.[1];
  const named = /^[re]?([abcd]x|[sd]i|[sb]p|ip)$/.exec(register)?.[1];
  const byte = /^([abcd])l$/.exec(register)?.[1];
  const long = /^([sd]i|[sb]p)l$/.exec(register)?.[1];
  const word = WORDS.indexOf(numbered ?? named ?? long ?? (byte === undefined ? '' : `${byte}x`));
  return word < 0 ? null : word;
}
