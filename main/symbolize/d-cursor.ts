/** References to what was said before may double a name each time: nothing real comes near these. */
const MAX_STEPS = 5000;
const MAX_LENGTH = 1 << 14;
const MAX_DEPTH = 200;

/** Steps through a mangled D name, bounded in work, depth and output whatever the name says. */
export class DCursor {
  readonly text: string;
  at: number;
  private steps = 0;
  private length = 0;
  private depth = 0;

  constructor(text: string, at: number) {
    this.text = text;
    this.at = at;
  }

  /** False: the answer is too long, or took too much work, to be a name. */
  isSane(): boolean {
    return this.steps < MAX_STEPS && this.length < MAX_LENGTH && this.depth < MAX_DEPTH;
  }

  peek(offset = 0): string {
    return this.text[this.at + offset] ?? '';
  }

  /** Steps over `expected` if it is next. */
  take(expected: string): boolean {
    if (!this.text.startsWith(expected, this.at)) return false;
    this.at += expected.length;
    return true;
  }

  /** null: no digit is next. */
  number(): number | null {
    const from = this.at;
    while (this.at - from < 10 && /^[0-9]$/.test(this.peek())) this.at++;
    return this.at === from ? null : Number(this.text.slice(from, this.at));
  }

  /** `count` characters; null: there are fewer. */
  characters(count: number): string | null {
    if (this.at + count > this.text.length) return null;
    this.at += count;
    return this.text.slice(this.at - count, this.at);
  }

  /** Where the back reference that is next points to, behind which the cursor then stands; null: nowhere. */
  backReference(): number | null {
    const from = this.at;
    if (!this.take('Q')) return null;
    let distance = 0;
    for (let digits = 0; digits < 6; digits++) {
      const digit = this.peek();
      this.at++;
      if (digit >= 'A' && digit <= 'Z') distance = distance * 26 + digit.charCodeAt(0) - 65;
      else if (digit >= 'a' && digit <= 'z') {
        distance = distance * 26 + digit.charCodeAt(0) - 97;
        return distance > 0 && distance <= from - 2 ? from - distance : null;
      } else return null;
    }
    return null;
  }

  /** Reads at another place and comes back; null as well if there is too much of it. */
  elsewhere<T>(place: number, read: () => T | null): T | null {
    const back = this.at;
    this.at = place;
    const found = this.nested(read);
    this.at = back;
    return found;
  }

  /** One level deeper; null as well if there is too much of it. */
  nested<T>(read: () => T | null): T | null {
    this.steps++;
    this.depth++;
    const found = this.isSane() ? read() : null;
    this.depth--;
    if (typeof found === 'string') this.length += found.length;
    return found;
  }
}
