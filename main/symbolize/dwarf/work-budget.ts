/**
 * Bytes that may be read of one kind of table. Honest tables do not overlap, so reading each once costs
 * no more than the section has; a hostile file points to the same large table a million times.
 */
export class WorkBudget {
  private left: number;
  private readonly total: number;

  constructor(sectionBytes: number) {
    this.total = 4 * sectionBytes + (1 << 20);
    this.left = this.total;
  }

  /** Nothing more may be read. */
  get isUsedUp(): boolean {
    return this.left < 0;
  }

  /** False: it is used up, and stays so until reset(). */
  spend(bytes: number): boolean {
    this.left -= bytes;
    return this.left >= 0;
  }

  /** What was read is let go and may be read again. */
  reset(): void {
    this.left = this.total;
  }
}
