import { DEFAULT_RATE_HZ, MAX_RATE_HZ, MIN_RATE_HZ } from '#shared/model/capture-spec.ts';
import { formatCount, formatPercent } from '#shared/text/format-value.ts';
import { h } from '../dom.ts';
import { field, segmented, textInput } from './fields.ts';

const PRESETS = ['49', '99', '499', '999', '4999'] as const;

/** µs of CPU per sample with both stacks, measured: the program alone, and with a virtual machine's timer. */
const SAMPLE_COST_US = { hardware: 4, virtual: 20 };

/** The rate: presets and a number. */
export interface RateField {
  readonly element: HTMLElement;
  /** Null while what is typed is no valid rate. */
  value(): number | null;
}

export function createRateField(onChange: () => void): RateField {
  const input = textInput({
    value: String(DEFAULT_RATE_HZ),
    onInput: () => {
      presets.setValue(presetOf(input.value));
      check();
      onChange();
    },
  });
  input.inputMode = 'numeric';
  input.classList.add('input-rate');
  const presets = segmented(
    'Usual rates',
    PRESETS.map((preset) => ({ value: preset, label: preset })),
    (preset) => {
      input.value = preset;
      presets.setValue(preset);
      check();
      onChange();
    },
  );
  presets.setValue('99');
  const unit = h('span', { class: 'faint' }, 'Hz per CPU');
  const line = h('div', { class: 'field-line' }, input, unit, presets.element);
  const cost = h('div', { class: 'field-note', attributes: { 'aria-live': 'polite' } });
  const wrapped = field('Rate', line, '', input);
  wrapped.element.append(cost);
  const value = (): number | null => {
    const rate = Number(input.value.trim());
    return Number.isInteger(rate) && rate >= MIN_RATE_HZ && rate <= MAX_RATE_HZ ? rate : null;
  };
  function check(): void {
    const rate = value();
    wrapped.setFault(
      rate === null ? `A whole number from ${MIN_RATE_HZ} to ${formatCount(MAX_RATE_HZ)}.` : null,
    );
    cost.textContent = rate === null ? '' : costSentence(rate);
  }
  check();
  return { element: wrapped.element, value };
}

const presetOf = (text: string): (typeof PRESETS)[number] | null =>
  PRESETS.find((preset) => preset === text.trim()) ?? null;

function costSentence(rate: number): string {
  const low = formatPercent((rate * SAMPLE_COST_US.hardware) / 1e6);
  const high = formatPercent((rate * SAMPLE_COST_US.virtual) / 1e6);
  return `Expected cost: ${low} of each busy CPU, up to ${high} in a virtual machine. What it costs is measured and shown.`;
}
