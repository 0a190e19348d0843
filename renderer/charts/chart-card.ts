import { fill, h } from '../dom.ts';

const MARGIN = 12;

/** What a card says. */
export interface CardText {
  readonly title: string;
  /** Name and figure of each line. */
  readonly lines: readonly (readonly [name: string, figure: string])[];
}

/** The card beside the pointer over a chart. Not for assistive technology: the table says the same. */
export class ChartCard {
  readonly element = h('div', {
    class: 'hover-card chart-card',
    attributes: { 'aria-hidden': true },
  });

  hide(): void {
    this.element.classList.remove('is-shown');
  }

  show(text: CardText, at: { readonly x: number; readonly y: number }): void {
    const lines = text.lines.flatMap(([name, figure]) => [
      h('span', { class: 'hover-key' }, name),
      h('span', { class: 'figure' }, figure),
    ]);
    fill(this.element, [
      h('div', { class: 'chart-card-title figure' }, text.title),
      h('div', { class: 'chart-card-figures' }, ...lines),
    ]);
    const { offsetWidth, offsetHeight } = this.element;
    const right = at.x + MARGIN + offsetWidth > window.innerWidth;
    const below = at.y + 2 * MARGIN + offsetHeight > window.innerHeight;
    const x = right ? Math.max(4, at.x - MARGIN - offsetWidth) : at.x + MARGIN;
    const y = below ? Math.max(4, at.y - MARGIN - offsetHeight) : at.y + MARGIN + 4;
    this.element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    this.element.classList.add('is-shown');
  }
}
