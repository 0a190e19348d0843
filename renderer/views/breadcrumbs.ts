import { formatPercent } from '#shared/text/format-value.ts';
import { ancestry, type FlameModel } from '../charts/flame-model.ts';
import { button, fill, h } from '../dom.ts';

/** Steps shown of a long path; the middle is left out. */
const STEPS_SHOWN = 6;

/** The way from the root to the zoomed frame; every step can be pressed. */
export class Breadcrumbs {
  readonly element = h('nav', { class: 'crumbs', attributes: { 'aria-label': 'Zoom' } });
  /** What is shown: unchanged crumbs are left alone, so that a click is not lost while live. */
  private shown = '';
  private boxes: readonly number[] = [];
  private readonly zoomTo: (box: number) => void;

  constructor(zoomTo: (box: number) => void) {
    this.zoomTo = zoomTo;
  }

  update({ flame, labels }: FlameModel, zoomed: number): void {
    const path = [0, ...ancestry(flame, zoomed)];
    const all = flame.total[0]!;
    const share = formatPercent(flame.total[zoomed]! / all);
    this.boxes = path;
    const signature = `${path.map((box) => flame.label[box]!).join(' ')} ${share}`;
    if (signature === this.shown) return;
    this.shown = signature;
    const cut = path.length > STEPS_SHOWN;
    const shown = cut ? [path[0]!, ...path.slice(1 - STEPS_SHOWN)] : path;
    const steps: Node[] = [];
    shown.forEach((box, at) => {
      if (at > 0)
        steps.push(
          h(
            'span',
            { class: 'crumb-gap', attributes: { 'aria-hidden': true } },
            at === 1 && cut ? '› … ›' : '›',
          ),
        );
      const name = box === 0 ? 'All' : labels.nameOf(flame.label[box]!);
      const last = at === shown.length - 1;
      steps.push(
        h(
          'button',
          {
            class: 'crumb',
            title: name,
            attributes: { type: 'button', 'aria-current': last ? 'location' : null },
            on: { click: () => this.zoomTo(this.boxes[path.indexOf(box)] ?? 0) },
          },
          name,
        ),
      );
    });
    const zoom = zoomed > 0;
    fill(this.element, [
      ...steps,
      zoom ? h('span', { class: 'figure faint' }, share) : null,
      zoom
        ? button({
            label: 'Reset zoom',
            key: '0',
            class: 'button-link',
            onPress: () => this.zoomTo(0),
          })
        : null,
    ]);
  }
}
