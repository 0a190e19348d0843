import { err, ok, type Result } from '../result.ts';

/**
 * The filter of a trace: comparisons of an event's fields, joined by && and ||, turned round by !, in
 * parentheses where needed.
 *
 *     prev_pid == 4711 && !(next_comm == "swapper/0" || prev_state & 0x2)
 *     filename ~ "/etc/"            the text begins so
 */
export type FilterStep =
  | { readonly kind: 'compare'; readonly comparison: Comparison }
  | { readonly kind: 'and' | 'or' | 'not' };

export interface Comparison {
  readonly field: string;
  readonly operator: Operator;
  /** A whole number of 64 bits, or a text. */
  readonly value: bigint | string;
  /** Where the field stands in the expression, characters from 0. */
  readonly at: number;
}

export const OPERATORS = ['==', '!=', '<=', '>=', '<', '>', '&', '~'] as const;
export type Operator = (typeof OPERATORS)[number];

/** What is wrong with an expression, and where: characters from 0. */
export interface FilterProblem {
  readonly at: number;
  readonly reason: string;
}

/** Steps of a filter and depth of its parentheses, at most. */
export const MAX_FILTER_STEPS = 63;
const MAX_DEPTH = 16;

interface Token {
  readonly kind: 'field' | 'number' | 'text' | 'operator' | 'end';
  readonly text: string;
  readonly at: number;
}

const TOKENS =
  /\s*(?:(?<text>"(?:[^"\\]|\\.)*")|(?<number>-?(?:0x[0-9a-fA-F]+|\d+)\b)|(?<field>[A-Za-z_][\w.]*)|(?<operator>&&|\|\||==|!=|<=|>=|[<>&~!()]))/y;

const problem = (at: number, reason: string): Result<never, FilterProblem> => err({ at, reason });

function tokensOf(expression: string): Result<Token[], FilterProblem> {
  const tokens: Token[] = [];
  TOKENS.lastIndex = 0;
  while (TOKENS.lastIndex < expression.length) {
    const from = TOKENS.lastIndex;
    const found = TOKENS.exec(expression);
    if (found?.groups === undefined) {
      const at = from + (/\S/.exec(expression.slice(from))?.index ?? 0);
      if (expression.slice(from).trim() === '') break;
      return problem(at, `"${expression[at] ?? ''}" is not expected here`);
    }
    // The one group that matched: the types do not know that the others are undefined.
    const groups: Record<string, string | undefined> = found.groups;
    const [kind, text = ''] = Object.entries(groups).find(([, value]) => value !== undefined)!;
    tokens.push({ kind: kind as Token['kind'], text, at: TOKENS.lastIndex - text.length });
  }
  tokens.push({ kind: 'end', text: '', at: expression.length });
  return ok(tokens);
}

/** Steps in postfix order; none: everything passes. */
export function parseFilter(expression: string): Result<readonly FilterStep[], FilterProblem> {
  const tokens = tokensOf(expression);
  if (!tokens.ok) return tokens;
  if (tokens.value.length === 1) return ok([]);
  const parser = new FilterParser(tokens.value);
  const failed = parser.parse();
  if (failed !== null) return err(failed);
  const { steps } = parser;
  if (steps.length > MAX_FILTER_STEPS) {
    return problem(0, `it has ${steps.length} parts, allowed are ${MAX_FILTER_STEPS}`);
  }
  return ok(steps);
}

/** Recursive descent: or → and → not → comparison. Each method returns what is wrong, or null. */
class FilterParser {
  readonly steps: FilterStep[] = [];
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): FilterProblem | null {
    return this.#or() ?? this.#expectEnd();
  }

  get #token(): Token {
    return this.#tokens[this.#next]!;
  }

  #takes(text: string): boolean {
    const matches = this.#token.kind === 'operator' && this.#token.text === text;
    if (matches) this.#next++;
    return matches;
  }

  #expectEnd(): FilterProblem | null {
    const { kind, text, at } = this.#token;
    if (kind === 'end') return null;
    return { at, reason: `"${text}" is not expected here: join comparisons by && or ||` };
  }

  #or(): FilterProblem | null {
    return this.#joined('||', 'or', () => this.#joined('&&', 'and', () => this.#not()));
  }

  #joined(
    operator: string,
    kind: 'and' | 'or',
    part: () => FilterProblem | null,
  ): FilterProblem | null {
    let failed = part();
    while (failed === null && this.#takes(operator)) {
      failed = part();
      this.steps.push({ kind });
    }
    return failed;
  }

  #not(): FilterProblem | null {
    const { at } = this.#token;
    if (this.#takes('!')) {
      if (++this.#depth > MAX_DEPTH) return { at, reason: 'it is nested too deep' };
      const failed = this.#not();
      this.#depth--;
      this.steps.push({ kind: 'not' });
      return failed;
    }
    if (!this.#takes('(')) return this.#comparison();
    if (++this.#depth > MAX_DEPTH) return { at, reason: 'it is nested too deep' };
    const failed = this.#or();
    this.#depth--;
    if (failed !== null) return failed;
    return this.#takes(')') ? null : { at, reason: 'this parenthesis is not closed' };
  }

  #comparison(): FilterProblem | null {
    const field = this.#token;
    if (field.kind !== 'field') return { at: field.at, reason: 'the name of a field is expected' };
    this.#next++;
    const sign = this.#token;
    const operator = OPERATORS.find((known) => sign.kind === 'operator' && known === sign.text);
    if (operator === undefined) {
      return { at: sign.at, reason: `one of ${OPERATORS.join(' ')} is expected` };
    }
    this.#next++;
    const value = this.#value(operator);
    if (typeof value === 'object') return value;
    this.steps.push({
      kind: 'compare',
      comparison: { field: field.text, operator, value, at: field.at },
    });
    return null;
  }

  #value(operator: Operator): bigint | string | FilterProblem {
    const { kind, text, at } = this.#token;
    this.#next++;
    if (kind === 'text') {
      const isFit = operator === '==' || operator === '!=' || operator === '~';
      const plain = text.slice(1, -1).replace(/\\(.)/g, '$1');
      return isFit ? plain : { at, reason: `texts can be compared by == != ~, not by ${operator}` };
    }
    if (kind !== 'number') return { at, reason: 'a number or a text in "quotes" is expected' };
    if (operator === '~') return { at, reason: '~ compares with a text in "quotes"' };
    const isNegative = text.startsWith('-');
    const size = BigInt(isNegative ? text.slice(1) : text);
    if (size >= 1n << (isNegative ? 63n : 64n)) return { at, reason: 'it has more than 64 bits' };
    return isNegative ? -size : size;
  }
}
