import type { MappedMemory } from '../../bpf/mapped-memory.ts';
import { UNWIND_LIMITS, UNWIND_RULE } from '../../capture/wire/records.ts';
import { NONE_RULE, UNSUPPORTED_INDEX, UNSUPPORTED_RULE } from '../../unwind/known-rules.ts';
import type { UnwindRule } from '../../unwind/unwind-table.ts';

const { fields, size } = UNWIND_RULE;

/** All rules in use, each once: the map unwind_rules. Images share nearly all of them. */
export class RuleBook {
  readonly #memory: MappedMemory;
  readonly #indexes = new Map<string, number>();
  /** Rules that found no room; their code cannot be walked. */
  overflows = 0;

  constructor(memory: MappedMemory) {
    this.#memory = memory;
    // The same places as in every table: NONE_INDEX and UNSUPPORTED_INDEX.
    this.indexOf(NONE_RULE);
    this.indexOf(UNSUPPORTED_RULE);
  }

  /** Rules so far. */
  get length(): number {
    return this.#indexes.size;
  }

  /** Where the rule is, in the kernel's map; adds it if need be. */
  indexOf(rule: UnwindRule): number {
    const bytes = encodeRule(rule);
    const key = Buffer.from(bytes).toString('latin1');
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const index = this.#indexes.size;
    if (index >= UNWIND_LIMITS.rules) {
      this.overflows++;
      return UNSUPPORTED_INDEX;
    }
    this.#memory.write(bytes, index * size);
    this.#indexes.set(key, index);
    return index;
  }
}

/** struct unwind_rule. */
export function encodeRule(rule: UnwindRule): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint8(fields.cfa_kind, rule.cfaKind);
  view.setUint8(fields.cfa_register, rule.cfaRegister);
  view.setUint8(fields.fp_kind, rule.fpKind);
  view.setUint8(fields.ra_kind, rule.raKind);
  view.setInt32(fields.cfa_offset, rule.cfaOffset, true);
  view.setInt32(fields.cfa_addend, rule.cfaAddend, true);
  view.setInt32(fields.fp_offset, rule.fpOffset, true);
  view.setInt32(fields.ra_offset, rule.raOffset, true);
  return bytes;
}
