import type { UnwindRule, UnwindTable } from './unwind-table.ts';

/** Rows in the making: ascending addresses, neighbours that say the same merged. */
export class TableRows {
  readonly base: number;
  private addresses: Uint32Array;
  private ruleIndexes: Uint16Array;
  private length = 0;

  /** `expected`: how many rows there are about. */
  constructor(base: number, expected: number) {
    this.base = base;
    this.addresses = new Uint32Array(Math.max(16, expected));
    this.ruleIndexes = new Uint16Array(Math.max(16, expected));
  }

  /**
   * From `address` (ELF virtual, not below the last one's) on, the rule is `ruleIndex`. A second row at
   * one address replaces the first.
   */
  push(address: number, ruleIndex: number): void {
    const at = address - this.base;
    const last = this.length - 1;
    if (last >= 0 && this.addresses[last] === at) {
      if (last > 0 && this.ruleIndexes[last - 1] === ruleIndex) this.length = last;
      else this.ruleIndexes[last] = ruleIndex;
      return;
    }
    if (last >= 0 && this.ruleIndexes[last] === ruleIndex) return;
    if (this.length === this.addresses.length) this.grow();
    this.addresses[this.length] = at;
    this.ruleIndexes[this.length] = ruleIndex;
    this.length++;
  }

  finish(rules: readonly UnwindRule[]): UnwindTable {
    return {
      base: this.base,
      addresses: this.addresses.slice(0, this.length),
      ruleIndexes: this.ruleIndexes.slice(0, this.length),
      rules,
    };
  }

  private grow(): void {
    const addresses = new Uint32Array(this.addresses.length * 2);
    addresses.set(this.addresses);
    this.addresses = addresses;
    const ruleIndexes = new Uint16Array(this.ruleIndexes.length * 2);
    ruleIndexes.set(this.ruleIndexes);
    this.ruleIndexes = ruleIndexes;
  }
}
