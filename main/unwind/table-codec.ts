import { crc32 } from 'node:zlib';
import { err, ok, type Result } from '#shared/result.ts';
import { NONE_RULE } from './known-rules.ts';
import { RULE_WORDS, ruleOfWords, wordsOfRule } from './rule-set.ts';
import {
  CFA_KINDS,
  FP_KINDS,
  RA_KINDS,
  type UnwindRule,
  type UnwindTable,
} from './unwind-table.ts';

/** A table in bytes, and the file it was read from. */
export interface StoredTable {
  /** Lower-case hex, at most 64 bytes. */
  readonly buildId: string;
  readonly table: UnwindTable;
}

/** What is wrong with bytes that should be a table. */
export type TableDamage =
  /** Another version of this format, or of the builder. */
  | 'other-version'
  /** Shorter or longer than its header says. */
  | 'wrong-size'
  | 'wrong-checksum'
  /** Sound bytes that are no table: rows out of order, rules that do not exist. */
  | 'not-a-table';

/** "EUWT" as a little-endian number. */
const MAGIC = 0x54575545;
/** Raised whenever these bytes, or what the builder makes of a file, change. */
const VERSION = 2;
/**
 * Header, little endian like all the rest: u32 magic, version, rows, rules; f64 base; u32 CRC-32 of all
 * bytes with this field 0, u32 bytes of the build id; 64 bytes of build id. Then per row u32 address, per
 * row u16 rule index (padded to 4 bytes), per rule RULE_WORDS i32.
 */
const HEADER_BYTES = 96;
const CHECKSUM_AT = 24;
const BUILD_ID_AT = 32;
const MAX_BUILD_ID_BYTES = HEADER_BYTES - BUILD_ID_AT;
/** Rule indexes are 16 bit. */
const MAX_RULES = 65_536;
const BASE_ALIGNMENT = 65_536;

/** Bytes of a table with so many rows and rules. */
const storedBytes = (rows: number, rules: number): number =>
  HEADER_BYTES + rows * 4 + paddedIndexBytes(rows) + rules * RULE_WORDS * 4;

const paddedIndexBytes = (rows: number): number => Math.ceil(rows / 2) * 4;

/** The bytes that decodeUnwindTable reads. All machines that we run on are little endian, as ELF is here. */
export function encodeUnwindTable({ buildId, table }: StoredTable): Buffer {
  const { base, addresses, ruleIndexes, rules } = table;
  const rows = addresses.length;
  const bytes = Buffer.alloc(storedBytes(rows, rules.length));
  const id = Buffer.from(buildId, 'hex').subarray(0, MAX_BUILD_ID_BYTES);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 4);
  bytes.writeUInt32LE(rows, 8);
  bytes.writeUInt32LE(rules.length, 12);
  bytes.writeDoubleLE(base, 16);
  bytes.writeUInt32LE(id.length, 28);
  bytes.set(id, BUILD_ID_AT);
  bytes.set(bytesOf(addresses), HEADER_BYTES);
  bytes.set(bytesOf(ruleIndexes), HEADER_BYTES + rows * 4);
  const rulesAt = HEADER_BYTES + rows * 4 + paddedIndexBytes(rows);
  rules.forEach((rule, index) => {
    bytes.set(bytesOf(wordsOfRule(rule)), rulesAt + index * RULE_WORDS * 4);
  });
  bytes.writeUInt32LE(crc32(bytes), CHECKSUM_AT);
  return bytes;
}

/** Reads what encodeUnwindTable wrote. Whatever the bytes are, a table that comes out is a sound one. */
export function decodeUnwindTable(bytes: Uint8Array): Result<StoredTable, TableDamage> {
  if (bytes.length < HEADER_BYTES) return err('wrong-size');
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.readUInt32LE(0) !== MAGIC || view.readUInt32LE(4) !== VERSION) {
    return err('other-version');
  }
  const rows = view.readUInt32LE(8);
  const ruleCount = view.readUInt32LE(12);
  if (bytes.length !== storedBytes(rows, ruleCount)) return err('wrong-size');
  if (checksumOf(view) !== view.readUInt32LE(CHECKSUM_AT)) return err('wrong-checksum');
  const idBytes = view.readUInt32LE(28);
  const base = view.readDoubleLE(16);
  if (idBytes > MAX_BUILD_ID_BYTES || ruleCount === 0 || ruleCount > MAX_RULES || !isBase(base)) {
    return err('not-a-table');
  }
  const indexesAt = HEADER_BYTES + rows * 4;
  const rulesAt = indexesAt + paddedIndexBytes(rows);
  const addresses = new Uint32Array(copyOf(view, HEADER_BYTES, rows * 4));
  const ruleIndexes = new Uint16Array(copyOf(view, indexesAt, rows * 2));
  const words = new Int32Array(copyOf(view, rulesAt, ruleCount * RULE_WORDS * 4));
  const rules = Array.from({ length: ruleCount }, (_, index) => ruleOfWords(words, index));
  if (!areRows(addresses, ruleIndexes, ruleCount) || !areRules(rules)) return err('not-a-table');
  const buildId = view.toString('hex', BUILD_ID_AT, BUILD_ID_AT + idBytes);
  return ok({ buildId, table: { base, addresses, ruleIndexes, rules } });
}

function checksumOf(bytes: Buffer): number {
  const head = crc32(bytes.subarray(0, CHECKSUM_AT));
  return crc32(bytes.subarray(CHECKSUM_AT + 4), crc32(Buffer.alloc(4), head));
}

const isBase = (base: number): boolean =>
  Number.isSafeInteger(base) && base >= 0 && base % BASE_ALIGNMENT === 0;

/** Ascending addresses, and a rule for each. */
function areRows(addresses: Uint32Array, ruleIndexes: Uint16Array, rules: number): boolean {
  for (let row = 0; row < addresses.length; row++) {
    if (row > 0 && addresses[row]! <= addresses[row - 1]!) return false;
    if (ruleIndexes[row]! >= rules) return false;
  }
  return true;
}

const LAST_CFA_KIND = Math.max(...Object.values(CFA_KINDS));
const LAST_FP_KIND = Math.max(...Object.values(FP_KINDS));
const LAST_RA_KIND = Math.max(...Object.values(RA_KINDS));

/** Kinds that exist, registers that DWARF can number, and rule 0 as promised. */
function areRules(rules: readonly UnwindRule[]): boolean {
  if (rules[0]!.cfaKind !== NONE_RULE.cfaKind) return false;
  return rules.every(
    (rule) =>
      isCode(rule.cfaKind, LAST_CFA_KIND) &&
      isCode(rule.fpKind, LAST_FP_KIND) &&
      isCode(rule.raKind, LAST_RA_KIND) &&
      isCode(rule.cfaRegister, 31),
  );
}

const isCode = (value: number, last: number): boolean => value >= 0 && value <= last;

const bytesOf = (values: Uint32Array | Uint16Array | Int32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function copyOf(bytes: Uint8Array, at: number, length: number): ArrayBuffer {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(at, at + length));
  return copy.buffer;
}
