import { printableLines } from '#shared/text/printable-text.ts';

/**
 * A child of an element: text is added as text, never parsed, and control characters and direction overrides in it as
 * escapes: names come from outside. Null and false are skipped.
 */
export type Child = Node | string | null | false;

/** What can be said about an element beside its children. */
export interface ElementFacts {
  readonly class?: string;
  readonly id?: string;
  readonly title?: string;
  /** Attributes, `aria-*` and `role` among them; null or false: not set. true: empty. */
  readonly attributes?: Readonly<Record<string, string | number | boolean | null>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly on?: {
    readonly [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void;
  };
}

/** Makes an element. The only way this page builds its content: no markup is ever parsed. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  facts: ElementFacts = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (facts.class !== undefined) element.className = facts.class;
  if (facts.id !== undefined) element.id = facts.id;
  if (facts.title !== undefined) setTitle(element, facts.title);
  for (const [name, value] of Object.entries(facts.data ?? {})) element.dataset[name] = value;
  for (const [name, value] of Object.entries(facts.attributes ?? {})) {
    setAttribute(element, name, value);
  }
  for (const [name, listener] of Object.entries(facts.on ?? {})) {
    element.addEventListener(name, listener as EventListener);
  }
  fill(element, children);
  return element;
}

/** Sets or removes an attribute; null and false remove it. */
export function setAttribute(
  element: Element,
  name: string,
  value: string | number | boolean | null,
): void {
  if (value === null || value === false) element.removeAttribute(name);
  else {
    const text = value === true ? '' : String(value);
    element.setAttribute(name, name.startsWith('aria-') ? printableLines(text) : text);
  }
}

/** Replaces all children. */
export function fill(element: Element, children: readonly Child[]): void {
  const shown = children.filter((child) => child !== null && child !== false);
  element.replaceChildren(
    ...shown.map((child) => (typeof child === 'string' ? printableLines(child) : child)),
  );
}

/** Changes the text only if it differs: an unchanged node keeps selection and is not announced again. */
export function setText(element: Element, text: string): void {
  const shown = printableLines(text);
  if (element.textContent !== shown) element.textContent = shown;
}

/** Changes the tooltip, shown as setText() shows text. */
export function setTitle(element: HTMLElement, text: string): void {
  const shown = printableLines(text);
  if (element.title !== shown) element.title = shown;
}

/** How a keyed list makes and renews the element of an item. */
export interface KeyedRows<T> {
  key(item: T): string;
  make(item: T): HTMLElement;
  /** Called for new elements too. */
  update(element: HTMLElement, item: T): void;
}

/**
 * A list whose elements live as long as their items: what is renewed twice a second must not take the
 * focus away or swallow a click between press and release.
 */
export class KeyedList<T> {
  private elements = new Map<string, HTMLElement>();
  private readonly parent: HTMLElement;
  private readonly rows: KeyedRows<T>;

  constructor(parent: HTMLElement, rows: KeyedRows<T>) {
    this.parent = parent;
    this.rows = rows;
  }

  render(items: readonly T[]): void {
    const kept = new Map<string, HTMLElement>();
    for (const item of items) {
      const key = this.rows.key(item);
      const element = this.elements.get(key) ?? this.rows.make(item);
      this.rows.update(element, item);
      kept.set(key, element);
    }
    for (const [key, element] of this.elements) if (!kept.has(key)) element.remove();
    this.elements = kept;
    let at = 0;
    for (const element of kept.values()) {
      const there = this.parent.children[at++] ?? null;
      if (there !== element) this.parent.insertBefore(element, there);
    }
  }
}

export interface ButtonFacts {
  readonly label: string;
  readonly onPress: () => void;
  /** Extra classes beside "button". */
  readonly class?: string;
  /** Key to show in the tooltip, e.g. "R". */
  readonly key?: string;
  readonly icon?: IconName;
  /** Only the icon is drawn; the label is what assistive technology and the tooltip say. */
  readonly iconOnly?: boolean;
  readonly title?: string;
}

export function button(facts: ButtonFacts): HTMLButtonElement {
  const title = facts.title ?? (facts.iconOnly === true ? facts.label : undefined);
  const tooltip = facts.key === undefined ? title : `${title ?? facts.label} (${facts.key})`;
  return h(
    'button',
    {
      class: `button ${facts.class ?? ''}`.trim(),
      ...(tooltip === undefined ? {} : { title: tooltip }),
      attributes: { type: 'button', 'aria-label': facts.iconOnly === true ? facts.label : null },
      on: { click: () => facts.onPress() },
    },
    facts.icon === undefined ? null : icon(facts.icon),
    facts.iconOnly === true ? null : h('span', {}, facts.label),
  );
}

/** Paths on a 16 by 16 grid, stroked in the text's colour. */
const ICONS = {
  machine: 'M2 3.5h12v7H2zM5.5 13.5h5M8 10.5v3',
  program: 'M2 3h12v10H2zM4.5 6l2 2-2 2M8.5 10.5h3',
  attach: 'M8 1.5v4M8 10.5v4M1.5 8h4M10.5 8h4M8 8h.01',
  folder: 'M1.5 4h4l1.5 1.5h7.5v7h-13z',
  cgroup: 'M2 2.5h5v5H2zM9 2.5h5v5H9zM2 9.5h5v4H2zM9 9.5h5v4H9z',
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9M10.3 10.3l3.2 3.2',
  stop: 'M4 4h8v8H4z',
  close: 'M4 4l8 8M12 4l-8 8',
  save: 'M8 2v8M4.8 7L8 10.2 11.2 7M2.5 13.5h11',
  export: 'M8 10V2M4.8 5L8 1.8 11.2 5M2.5 13.5h11',
  back: 'M9.5 3.5L5 8l4.5 4.5',
  chevron: 'M4.5 6.5L8 10l3.5-3.5',
  check: 'M3 8.5l3.2 3.2L13 4.8',
  warning: 'M8 2l6.5 11.5h-13zM8 6.5v3.2M8 11.6v.1',
  info: 'M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8M8 7.2v4M8 4.8v.1',
  error: 'M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6',
  gauge: 'M2.6 12.2a6.2 6.2 0 1 1 10.8 0M8 9.6l2.8-3.6M8 9.6h.01',
  keyboard: 'M1.5 4h13v8h-13zM4 6.7h.1M6.6 6.7h.1M9.3 6.7h.1M11.9 6.7h.1M4.6 9.5h6.8',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.2l7.5 4.8L5 12.8z',
  flip: 'M8 2v12M4.8 5L8 1.8 11.2 5M4.8 11L8 14.2 11.2 11',
} as const;
export type IconName = keyof typeof ICONS;

const SVG = 'http://www.w3.org/2000/svg';

/** A decorative icon: hidden from assistive technology, the text beside it speaks. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}
