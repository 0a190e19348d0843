import { fill, h, setAttribute } from '../dom.ts';

/** Parts of forms: real inputs with real labels. */

let nextId = 0;
const freshId = (stem: string): string => `${stem}-${++nextId}`;

/** A label above a control, and a line below it for hints and faults. */
export interface Field {
  readonly element: HTMLElement;
  /** Shows what is wrong; null: nothing is. */
  setFault(text: string | null): void;
}

export function field(
  label: string,
  control: HTMLElement,
  hint = '',
  labelled: HTMLElement = control,
): Field {
  if (labelled.id === '') labelled.id = freshId('field');
  const note = h('div', { class: 'field-note', id: freshId('note') }, hint);
  labelled.setAttribute('aria-describedby', note.id);
  const element = h(
    'div',
    { class: 'field' },
    h('label', { class: 'field-label', attributes: { for: labelled.id } }, label),
    control,
    note,
  );
  return {
    element,
    setFault(text) {
      note.textContent = text ?? hint;
      element.classList.toggle('has-fault', text !== null);
      setAttribute(labelled, 'aria-invalid', text === null ? null : 'true');
    },
  };
}

export function textInput(facts: {
  readonly value: string;
  readonly placeholder?: string;
  readonly mono?: boolean;
  readonly onInput: (value: string) => void;
}): HTMLInputElement {
  const input = h('input', {
    class: facts.mono === true ? 'input mono' : 'input',
    attributes: {
      type: 'text',
      value: facts.value,
      placeholder: facts.placeholder ?? null,
      spellcheck: 'false',
      autocomplete: 'off',
    },
    on: { input: () => facts.onInput(input.value) },
  });
  return input;
}

export function checkbox(
  label: string,
  checked: boolean,
  onChange: (checked: boolean) => void,
): HTMLElement {
  const input = h('input', {
    attributes: { type: 'checkbox', checked },
    on: { change: () => onChange(input.checked) },
  });
  return h('label', { class: 'checkbox' }, input, h('span', {}, label));
}

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly title?: string;
}

/** A row of buttons of which one is pressed. */
export interface Segmented<T extends string> {
  readonly element: HTMLElement;
  /** Null: none is pressed. */
  setValue(value: T | null): void;
}

export function segmented<T extends string>(
  label: string,
  choices: readonly Choice<T>[],
  onChange: (value: T) => void,
): Segmented<T> {
  const buttons = choices.map((choice) =>
    h(
      'button',
      {
        class: 'segment',
        ...(choice.title === undefined ? {} : { title: choice.title }),
        attributes: { type: 'button', 'aria-pressed': 'false' },
        data: { value: choice.value },
        on: { click: () => onChange(choice.value) },
      },
      choice.label,
    ),
  );
  const element = h('div', {
    class: 'segmented',
    attributes: { role: 'group', 'aria-label': label },
  });
  fill(element, buttons);
  return {
    element,
    setValue(value) {
      for (const one of buttons) {
        one.setAttribute('aria-pressed', String(one.dataset['value'] === value));
      }
    },
  };
}

export function select<T extends string>(
  label: string,
  choices: readonly Choice<T>[],
  onChange: (value: T) => void,
): { readonly element: HTMLElement; setValue(value: T): void } {
  const control = h(
    'select',
    {
      class: 'select',
      attributes: { 'aria-label': label },
      on: { change: () => onChange(control.value as T) },
    },
    ...choices.map((choice) => h('option', { attributes: { value: choice.value } }, choice.label)),
  );
  const element = h(
    'label',
    { class: 'labelled-select' },
    h('span', { class: 'select-label', attributes: { 'aria-hidden': true } }, label),
    control,
  );
  return {
    element,
    setValue(value) {
      control.value = value;
    },
  };
}
