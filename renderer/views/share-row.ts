import { h, setAttribute, setText, setTitle } from '../dom.ts';

/** One line of a list of shares: a name over a bar, and one or two figures. */
export interface ShareRow {
  readonly name: string;
  /** Said faintly behind the name. */
  readonly note: string;
  readonly title: string;
  /** Length of the bar, 0 to 1. */
  readonly share: number;
  readonly figures: readonly string[];
  /** Null: the row is no switch. */
  readonly pressed: boolean | null;
  readonly mono: boolean;
  /** For tests and style. */
  readonly data: Readonly<Record<string, string>>;
}

export function makeShareRow(row: ShareRow, onPress: () => void): HTMLElement {
  const name = h(
    'span',
    { class: row.mono ? 'share-name mono' : 'share-name' },
    h('span', {}),
    h('span', { class: 'faint share-note' }),
  );
  const figures = row.figures.map((_, at) =>
    h('span', { class: at === 0 ? 'figure' : 'figure faint' }),
  );
  const button = h(
    'button',
    {
      class: row.figures.length > 1 ? 'share-row share-function' : 'share-row',
      attributes: { type: 'button' },
      on: { click: onPress },
    },
    h('span', { class: 'share-bar' }),
    name,
    ...figures,
  );
  return h('li', {}, button);
}

export function updateShareRow(element: HTMLElement, row: ShareRow): void {
  const button = element.firstElementChild as HTMLElement;
  const [bar, name, ...figures] = button.children;
  (bar as HTMLElement).style.width = `${row.share * 100}%`;
  setText(name!.children[0]!, row.name);
  setText(name!.children[1]!, row.note);
  row.figures.forEach((text, at) => setText(figures[at]!, text));
  setTitle(button, row.title);
  setAttribute(button, 'aria-pressed', row.pressed === null ? null : String(row.pressed));
  Object.assign(button.dataset, row.data);
}
