/** Builds jitdump files (Documentation/jitdump-specification.txt of the kernel's perf), little endian. */

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** The file's header; `pid` as the process calls itself. */
export const jitHeader = (pid: number): Buffer =>
  Buffer.concat([
    ...[u32(0x4a695444), u32(1), u32(40), u32(62), u32(0), u32(pid)],
    ...[u64(5_000_000_000), u64(0)],
  ]);

const record = (id: number, timeNs: number, ...body: readonly Buffer[]): Buffer => {
  const rest = Buffer.concat(body);
  return Buffer.concat([u32(id), u32(16 + rest.length), u64(timeNs), rest]);
};

export interface JitCode {
  readonly name: string;
  readonly address: number;
  /** bytes */
  readonly size: number;
  readonly index: number;
}

export const jitLoad = ({ name, address, size, index }: JitCode): Buffer =>
  record(
    ...([0, 1, u32(7), u32(7), u64(address), u64(address), u64(size), u64(index)] as const),
    ...[text(name), Buffer.alloc(size, 0x90)],
  );

export const jitMove = (index: number, from: number, to: number, size: number): Buffer =>
  record(1, 2, u32(7), u32(7), u64(to), u64(from), u64(to), u64(size), u64(index));

/** Lines as [address, line, file]; "\xff" stands for the file before. */
export const jitLines = (
  address: number,
  lines: readonly (readonly [address: number, line: number, file: string])[],
): Buffer =>
  record(
    ...([2, 1, u64(address), u64(lines.length)] as const),
    ...lines.flatMap(([at, line, file]) => [
      ...[u64(at), u32(line), u32(0)],
      file === '\xff' ? Buffer.from([0xff, 0]) : text(file),
    ]),
  );

export const jitClose = (): Buffer => record(3, 9);
/** A kind of record that only unwinders read. */
export const jitUnwinding = (): Buffer => record(4, 1, u64(8), u64(8), u64(8), u64(1));
