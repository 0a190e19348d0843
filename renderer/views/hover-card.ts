import { shortImageName } from '#shared/model/call-tree-keys.ts';
import { formatPercent } from '#shared/text/format-value.ts';
import { fitted } from '#shared/text/printable-text.ts';
import { stopOfName } from '#shared/text/unwind-text.ts';
import { formatWeight } from '#shared/text/weight-text.ts';
import type { FlameModel } from '../charts/flame-model.ts';
import { type Child, fill, h } from '../dom.ts';
import { kindText } from './kind-text.ts';

const MARGIN = 12;
/** Longest place in the source that is shown whole, characters. */
const MAX_SOURCE = 72;

/** The card beside the pointer: what the box is and what it weighs. */
export class HoverCard {
  readonly element = h('div', { class: 'hover-card', attributes: { 'aria-hidden': true } });
  private shownBox = -1;
  private shownModel: FlameModel | null = null;

  hide(): void {
    this.element.classList.remove('is-shown');
    this.shownBox = -1;
  }

  show(
    model: FlameModel,
    box: number,
    at: { readonly x: number; readonly y: number },
    zoomed: number,
  ): void {
    if (box !== this.shownBox || model !== this.shownModel) {
      this.shownBox = box;
      this.shownModel = model;
      fill(this.element, cardContent(model, box, zoomed));
    }
    const { offsetWidth, offsetHeight } = this.element;
    const right = at.x + MARGIN + offsetWidth > window.innerWidth;
    const below = at.y + 2 * MARGIN + offsetHeight > window.innerHeight;
    const x = right ? Math.max(4, at.x - MARGIN - offsetWidth) : at.x + MARGIN;
    const y = below ? Math.max(4, at.y - MARGIN - offsetHeight) : at.y + MARGIN + 4;
    this.element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    this.element.classList.add('is-shown');
  }
}

function cardContent(model: FlameModel, box: number, zoomed: number): Child[] {
  const { flame, labels, unit } = model;
  const label = labels.labels[flame.label[box]!];
  const all = flame.total[0]!;
  const total = flame.total[box]!;
  const self = flame.self[box]!;
  const image = label?.image ?? '';
  const source = labels.sourceOf(flame, box);
  const stop = label?.kind === 'incomplete' ? stopOfName(label.name) : null;
  const rows = [
    row('Total', formatPercent(total / all), formatWeight(total, unit)),
    row('Self', formatPercent(self / all), formatWeight(self, unit)),
  ];
  if (zoomed > 0 && box >= zoomed) {
    rows.push(row('Of zoomed frame', formatPercent(total / flame.total[zoomed]!), ''));
  }
  return [
    h('div', { class: 'hover-name' }, label?.name ?? ''),
    h(
      'div',
      { class: 'hover-image', title: image },
      [kindText(label?.kind ?? 'root'), shortImageName(image)]
        .filter((part) => part !== '')
        .join(' · '),
    ),
    source === null ? null : h('div', { class: 'hover-source' }, fitted(source, MAX_SOURCE)),
    stop === null ? null : h('p', { class: 'hover-stop' }, stop.sentence),
    stop === null ? null : h('p', { class: 'hover-stop hover-remedy' }, stop.remedy),
    h('div', { class: 'hover-figures' }, ...rows.flat()),
  ];
}

const row = (name: string, share: string, weight: string): Node[] => [
  h('span', { class: 'hover-key' }, name),
  h('span', { class: 'figure' }, share),
  h('span', { class: 'figure faint' }, weight),
];
