import { button, fill, h } from '../dom.ts';
import { textInput } from './fields.ts';

/** Names that go on like what was typed. */
export interface Proposals {
  readonly probes: readonly { readonly text: string; readonly detail: string }[];
  /** What could not be looked at; empty. */
  readonly note: string;
}

export interface ProbeListFacts {
  /** What a line is called, e.g. "Function". */
  readonly label: string;
  readonly placeholder: string;
  /** What is wrong with a text; null: nothing. */
  check(text: string): string | null;
  propose(text: string): Promise<Proposals>;
  onChange(): void;
}

let made = 0;

/** Some lines of text, one for each probe; there is always an empty one at the end. */
export class ProbeList {
  readonly element: HTMLElement;
  private readonly lines = h('div', { class: 'probe-lines' });
  private readonly note = h('div', { class: 'field-note', attributes: { role: 'status' } });
  private readonly proposals = h('datalist', { id: `probe-proposals-${++made}` });
  private readonly facts: ProbeListFacts;
  private inputs: HTMLInputElement[] = [];
  private hint = '';
  /** Counts look-ups: an answer that was overtaken is dropped. */
  private asked = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(facts: ProbeListFacts) {
    this.facts = facts;
    this.element = h('div', { class: 'probe-list' }, this.lines, this.proposals, this.note);
    this.add();
  }

  /** What was typed, without empty lines. */
  get texts(): readonly string[] {
    return this.inputs.map((input) => input.value.trim()).filter((text) => text !== '');
  }

  private add(): void {
    const { label, placeholder } = this.facts;
    const input = textInput({
      ...{ value: '', placeholder, mono: true },
      onInput: () => this.changed(input),
    });
    input.setAttribute('aria-label', label);
    input.setAttribute('list', this.proposals.id);
    const line = h(
      'div',
      { class: 'probe-row' },
      input,
      button({
        label: `Remove ${label.toLowerCase()}`,
        icon: 'close',
        iconOnly: true,
        class: 'button-quiet',
        onPress: () => this.remove(input, line),
      }),
    );
    this.inputs.push(input);
    this.lines.append(line);
  }

  private remove(input: HTMLInputElement, line: HTMLElement): void {
    if (this.inputs.length > 1 && input !== this.inputs.at(-1)) {
      this.inputs = this.inputs.filter((one) => one !== input);
      line.remove();
    } else input.value = '';
    this.check();
  }

  private changed(input: HTMLInputElement): void {
    if (this.inputs.at(-1)?.value.trim() !== '') this.add();
    this.check();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.propose(input.value.trim()), 150);
  }

  private check(): void {
    const faults = this.texts.map((text) => this.facts.check(text));
    const fault = faults.find((one) => one !== null) ?? null;
    this.note.textContent = fault ?? this.hint;
    this.element.classList.toggle('has-fault', fault !== null);
    this.facts.onChange();
  }

  private async propose(text: string): Promise<void> {
    const asked = ++this.asked;
    const { probes, note } = text.length < 2 ? NONE : await this.facts.propose(text);
    if (asked !== this.asked) return;
    fill(
      this.proposals,
      probes.map((probe) => h('option', { attributes: { value: probe.text } }, probe.detail)),
    );
    this.hint = note;
    this.check();
  }
}

const NONE: Proposals = { probes: [], note: '' };
