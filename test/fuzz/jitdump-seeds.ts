import type { Seed } from './mutate.ts';

/** Values of tools/perf/Documentation/jitdump-specification.txt. */
const MAGIC = 0x4a695444;
const HEADER_BYTES = 40;
const EM_X86_64 = 62;
const RECORDS = { load: 0, move: 1, debugInfo: 2, close: 3, unwindingInfo: 4 } as const;

/** Numbers little endian, 4 bytes each, or 8 for a bigint; strings with their terminator. */
function packed(...parts: readonly (number | bigint | string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (Buffer.isBuffer(part)) return part;
      if (typeof part === 'string') return Buffer.from(`${part}\0`);
      const bytes = Buffer.alloc(typeof part === 'bigint' ? 8 : 4);
      if (typeof part === 'bigint') bytes.writeBigUInt64LE(part);
      else bytes.writeUInt32LE(part);
      return bytes;
    }),
  );
}

const record = (id: number, time: bigint, content: Buffer): Buffer =>
  packed(id, 16 + content.length, time, content);

function load(index: bigint, address: bigint, name: string): Buffer {
  const code = Buffer.alloc(48, 0x90);
  const head = packed(100, 100, address, address, BigInt(code.length), index, name);
  return record(RECORDS.load, 1000n + index, Buffer.concat([head, code]));
}

function debugInfo(address: bigint): Buffer {
  const lines = [
    packed(address, 10, 0, 'index.js'),
    packed(address + 8n, 11, 0, 'index.js'),
    packed(address + 16n, 12, 0, '\u00ff'),
  ];
  return record(RECORDS.debugInfo, 1001n, packed(address, BigInt(lines.length), ...lines));
}

/** Jitdumps as the specification describes them: every kind of record, in the order of runtimes. */
export function jitdumpSeeds(): readonly Seed[] {
  const header = packed(MAGIC, 1, HEADER_BYTES, EM_X86_64, 0, 100, 900n, 0n);
  const address = 0x7f3a40001000n;
  const unwinding = packed(16n, 8n, 16n, Buffer.alloc(16));
  const bytes = Buffer.concat([
    header,
    debugInfo(address),
    record(RECORDS.unwindingInfo, 1001n, unwinding),
    load(1n, address, 'LazyCompile:*turn index.js:40'),
    load(2n, address + 0x100n, 'compare'),
    record(RECORDS.move, 1005n, packed(100, 100, address, address, address + 0x400n, 48n, 1n)),
    load(3n, address, 'later at the same place'),
    record(RECORDS.close, 2000n, Buffer.alloc(0)),
  ]);
  const many = Array.from({ length: 40 }, (_, i) =>
    load(BigInt(i), address + BigInt(i * 64), `f${i}`),
  );
  return [
    { name: 'every kind', bytes, hot: [[0, HEADER_BYTES + 64]] },
    { name: 'many loads', bytes: Buffer.concat([header, ...many]), hot: [] },
  ];
}
