import { formatPercent } from '#shared/text/format-value.ts';
import { formatWeight } from '#shared/text/weight-text.ts';
import { fill, h } from '../dom.ts';
import { depthOf, type FlameModel, heaviestBoxes } from './flame-model.ts';

/** Boxes spoken of: enough for every frame worth a reader's time. */
const OUTLINE_BOXES = 150;

/**
 * The picture as a tree of texts beside the canvas, heaviest boxes only: what a screen reader reads
 * and what tests check. Visually hidden. Pressing an item zooms to its box.
 */
export class FlameOutline {
  readonly element: HTMLElement;
  private readonly zoomTo: (box: number) => void;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(zoomTo: (box: number) => void) {
    this.zoomTo = zoomTo;
    this.element = h('div', {
      class: 'visually-hidden flame-outline',
      attributes: { role: 'tree', 'aria-label': 'Heaviest frames' },
    });
  }

  /** Shows the boxes below `zoomed`; soon, and once for several pictures that come close together. */
  update(model: FlameModel, zoomed: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fill(model, zoomed), 100);
  }

  private fill(model: FlameModel, zoomed: number): void {
    const { flame, labels, unit } = model;
    const all = flame.total[0]!;
    const boxes = heaviestBoxes(flame, zoomed, OUTLINE_BOXES).sort((a, b) => a - b);
    const items = boxes.map((box) => {
      const share = all > 0 ? flame.total[box]! / all : 0;
      const name = labels.nameOf(flame.label[box]!);
      return h(
        'div',
        {
          attributes: {
            role: 'treeitem',
            'aria-level': depthOf(flame, box) + 1,
            'aria-label': `${labels.spokenNameOf(flame.label[box]!)}, ${formatPercent(share)}, ${formatWeight(flame.total[box]!, unit)}`,
          },
          data: {
            name,
            depth: String(depthOf(flame, box)),
            total: String(flame.total[box]!),
            self: String(flame.self[box]!),
          },
          on: { click: () => this.zoomTo(box) },
        },
        name,
      );
    });
    fill(this.element, items);
  }
}
