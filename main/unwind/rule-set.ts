import { NONE_RULE, UNSUPPORTED_INDEX, UNSUPPORTED_RULE } from './known-rules.ts';
import type { UnwindRule } from './unwind-table.ts';

/** Row indexes are 16 bit. */
const MAX_RULES = 65_535;
/** 32-bit numbers per rule. */
export const RULE_WORDS = 8;

/** The distinct rules of one image, found by content without an object per look-up. */
export class RuleSet {
  /** Look-ups that no rule was made for because the set was full. */
  overflowed = 0;
  private words = new Int32Array(64 * RULE_WORDS);
  private count = 0;
  /** Open addressing: index of a rule plus 1; 0: free. A power of two, at most half full. */
  private slots = new Uint32Array(256);

  constructor() {
    this.indexOf(wordsOfRule(NONE_RULE));
    this.indexOf(wordsOfRule(UNSUPPORTED_RULE));
  }

  /** The index of the rule with these words, made if it is new; the unsupported one's if the set is full. */
  indexOf(rule: Int32Array): number {
    const mask = this.slots.length - 1;
    let slot = hash(rule) & mask;
    for (;;) {
      const entry = this.slots[slot]!;
      if (entry === 0) break;
      if (this.matches(entry - 1, rule)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    if (this.count === MAX_RULES) {
      this.overflowed++;
      return UNSUPPORTED_INDEX;
    }
    const index = this.append(rule);
    if (this.count * 2 > this.slots.length) this.grow();
    else this.slots[slot] = index + 1;
    return index;
  }

  rules(): UnwindRule[] {
    return Array.from({ length: this.count }, (_, index) => ruleOfWords(this.words, index));
  }

  private matches(index: number, rule: Int32Array): boolean {
    const at = index * RULE_WORDS;
    for (let word = 0; word < RULE_WORDS; word++) {
      if (this.words[at + word] !== rule[word]) return false;
    }
    return true;
  }

  private append(rule: Int32Array): number {
    const at = this.count * RULE_WORDS;
    if (at === this.words.length) {
      const larger = new Int32Array(this.words.length * 2);
      larger.set(this.words);
      this.words = larger;
    }
    this.words.set(rule, at);
    return this.count++;
  }

  private grow(): void {
    this.slots = new Uint32Array(this.slots.length * 2);
    const mask = this.slots.length - 1;
    for (let index = 0; index < this.count; index++) {
      const at = index * RULE_WORDS;
      let slot = hash(this.words.subarray(at, at + RULE_WORDS)) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = index + 1;
    }
  }
}

function hash(rule: Int32Array): number {
  let mixed = 0;
  for (let word = 0; word < RULE_WORDS; word++) {
    mixed = Math.imul(mixed ^ rule[word]!, 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed;
}

/** A rule as RULE_WORDS numbers, in the order of UnwindRule's fields. */
export function wordsOfRule(rule: UnwindRule): Int32Array {
  return Int32Array.of(
    rule.cfaKind,
    rule.cfaRegister,
    rule.cfaOffset,
    rule.cfaAddend,
    rule.fpKind,
    rule.fpOffset,
    rule.raKind,
    rule.raOffset,
  );
}

/** The rule at `index` of rules that stand one after the other. */
export function ruleOfWords(words: Int32Array, index: number): UnwindRule {
  const at = index * RULE_WORDS;
  return {
    cfaKind: words[at]!,
    cfaRegister: words[at + 1]!,
    cfaOffset: words[at + 2]!,
    cfaAddend: words[at + 3]!,
    fpKind: words[at + 4]!,
    fpOffset: words[at + 5]!,
    raKind: words[at + 6]!,
    raOffset: words[at + 7]!,
  };
}
