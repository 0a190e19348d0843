/**
 * Estimates how long a demangled C++ name would be, from above and without demangling it.
 *
 * Substitutions let a name repeat what was said before, so each few bytes can double the result: 300
 * bytes of a hostile file would take gigabytes in libstdc++, which offers no limit. The estimate walks
 * the tokens once and keeps, for every substitution that may have been made, the longest text it can
 * stand for. Real names stay far below any limit worth setting (measured on 250,000 of them).
 */
export function estimateCxxLength(mangled: string): number {
  const walk = new Walk(mangled);
  while (walk.step());
  return walk.length;
}

/** Longest of the abbreviations Ss, Si, So, Sd, Sa, Sb, in full. */
const STD_ABBREVIATION = 50;
/** The names of the function itself make no substitution, but are counted as if they did. */
const SLACK = 3;
/** Any other character: "unsigned long long" is the longest type of one letter. */
const OTHER = 18;

class Walk {
  /** Bytes printed so far, at most. */
  length = 0;
  private readonly text: string;
  private at = 2;
  /** longest[i]: of substitutions 0 … i. */
  private readonly longest: number[] = [];
  /** `length` where what each open I…E or N…E belongs to began. */
  private readonly open: number[] = [];
  /** Whether it is an N…E. */
  private readonly nested: boolean[] = [];
  private lastName = 0;
  private templateArguments = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Takes one token; false: at the end, or what is known is more than enough. */
  step(): boolean {
    const character = this.text[this.at++];
    if (character === undefined || !(this.length < Number.MAX_SAFE_INTEGER)) return false;
    if (character >= '0' && character <= '9') this.sourceName();
    else if (character === 'S') this.substitution();
    else if (character === 'T') this.templateParameter();
    else if (character === 'N') this.begin(this.length, true);
    else if (character === 'I') this.begin(this.templateStart(), false);
    else if (character === 'L') this.literal();
    else if (character === 'E') this.close();
    else if (this.isOperator(character)) this.at++;
    else this.length += OTHER;
    return true;
  }

  private begin(start: number, isNested: boolean): void {
    this.open.push(start);
    this.nested.push(isNested);
  }

  /** A template's entry holds its name: the last one said, in a nested name all of that. */
  private templateStart(): number {
    const outer = this.nested.at(-1) === true ? this.open.at(-1)! : this.length;
    return Math.min(outer, this.length - this.lastName);
  }

  /** L, a builtin type, a number, E: the digits announce no name. */
  private literal(): void {
    const rest = /^[a-z]n?[0-9]*E/.exec(this.text.slice(this.at, this.at + 48));
    this.at += rest?.[0].length ?? 0;
    this.length += OTHER + (rest?.[0].length ?? 0);
  }

  private sourceName(): void {
    const from = this.at - 1;
    while (this.text[this.at]! >= '0' && this.text[this.at]! <= '9') this.at++;
    const announced = Number(this.text.slice(from, this.at));
    const bytes = Math.min(announced, this.text.length - this.at);
    this.at += bytes;
    this.said(bytes + 2);
    this.remember(this.length - (this.open.at(-1) ?? 0));
  }

  private substitution(): void {
    const next = this.text[this.at] ?? '';
    if (next >= 'a' && next <= 'z') {
      this.at++;
      this.said(STD_ABBREVIATION);
      return;
    }
    const end = this.text.indexOf('_', this.at);
    const digits = this.text.slice(this.at, end < 0 ? undefined : end);
    const index = digits === '' ? 0 : Number.parseInt(digits, 36) + 1;
    this.at = end < 0 ? this.text.length : end + 1;
    this.said(this.longest[Math.min(index + SLACK, this.longest.length - 1)] ?? 0);
  }

  /** T_, T0_: one of the template's arguments. TV, TI, …: a special name. */
  private templateParameter(): void {
    const end = /^[0-9]*_/.exec(this.text.slice(this.at, this.at + 8));
    this.at += end === null ? 1 : end[0].length;
    this.said(end === null ? OTHER : this.templateArguments);
    this.remember(this.lastName);
  }

  private close(): void {
    const bytes = this.length - (this.open.pop() ?? 0);
    const isNested = this.nested.pop() ?? false;
    this.templateArguments = Math.max(this.templateArguments, bytes);
    this.lastName = bytes;
    this.length += 4;
    // A nested name's last part was remembered already.
    if (!isNested) this.remember(bytes);
  }

  /** mI and aN (-= and &=): the only operators that look like the start of a group. */
  private isOperator(character: string): boolean {
    const next = this.text[this.at];
    return (character === 'm' && next === 'I') || (character === 'a' && next === 'N');
  }

  private said(bytes: number): void {
    this.length += bytes;
    this.lastName = bytes;
  }

  private remember(bytes: number): void {
    this.longest.push(Math.max(this.longest.at(-1) ?? 0, bytes));
  }
}
