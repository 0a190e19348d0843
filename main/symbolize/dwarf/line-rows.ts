/** Lines of one contiguous piece of code; columns of equal length, ascending by address. */
export interface LineSequence {
  readonly start: number;
  /** First virtual address behind it. */
  readonly end: number;
  readonly addresses: readonly number[];
  /** Indexes in the table's files. */
  readonly files: readonly number[];
  readonly lines: readonly number[];
}

/** Collects the rows of one sequence; of rows at one address the last counts. */
export class LineRows {
  private readonly addresses: number[] = [];
  private readonly files: number[] = [];
  private readonly lines: number[] = [];
  private isAscending = true;

  /** Takes a row. */
  add(address: number, file: number, line: number): void {
    const { addresses, files, lines } = this;
    let last = addresses.length - 1;
    if (last >= 0 && address < addresses[last]!) this.isAscending = false;
    if (last >= 0 && addresses[last] === address) {
      addresses.pop();
      files.pop();
      lines.pop();
      last--;
    }
    if (last >= 0 && files[last] === file && lines[last] === line) return;
    addresses.push(address);
    files.push(file);
    lines.push(line);
  }

  /** The sequence that ends at an address; null: it holds no code, or runs backwards. */
  finish(end: number): LineSequence | null {
    const { addresses, files, lines } = this;
    const start = addresses[0];
    const last = addresses.at(-1);
    if (start === undefined || last === undefined || !this.isAscending) return null;
    return end > last ? { start, end, addresses, files, lines } : null;
  }
}
