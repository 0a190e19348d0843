import type { QualityLine, Severity } from '#shared/text/quality-line.ts';
import { button, fill, h, type IconName, icon, setAttribute, setText } from '../dom.ts';

const ICONS: Readonly<Record<Severity, IconName>> = {
  good: 'check',
  note: 'info',
  warning: 'warning',
  bad: 'error',
};
const WORDS: Readonly<Record<Severity, string>> = {
  good: 'Good',
  note: 'Note',
  warning: 'Warning',
  bad: 'Bad',
};

/** A row of the quality table; updateQualityRow() fills it. */
export function makeQualityRow(line: QualityLine, onSearch: (query: string) => void): HTMLElement {
  const { search } = line;
  const show =
    search === null
      ? null
      : button({
          label: 'Show',
          icon: 'search',
          class: 'button-small',
          title: 'Mark these samples in the flame graph',
          onPress: () => onSearch(search),
        });
  return h(
    'tr',
    {},
    h('td', { class: 'quality-state' }),
    h('th', { class: 'quality-title', attributes: { scope: 'row' } }),
    h('td', { class: 'quality-figure figure' }),
    h('td', { class: 'quality-text' }, h('div', {}), h('div', { class: 'quality-remedy' })),
    h('td', { class: 'quality-action' }, show),
  );
}

export function updateQualityRow(element: HTMLElement, line: QualityLine): void {
  const [state, title, figure, text, action] = element.children;
  if (element.dataset['severity'] !== line.severity) {
    element.dataset['severity'] = line.severity;
    fill(state!, [icon(ICONS[line.severity]), h('span', {}, WORDS[line.severity])]);
  }
  element.dataset['line'] = line.id;
  setText(title!, line.title);
  setText(figure!, line.figure);
  setText(text!.children[0]!, line.sentence);
  const remedy = text!.children[1] as HTMLElement;
  setText(remedy, line.remedy);
  remedy.hidden = line.severity === 'good';
  const show = action!.firstElementChild;
  if (show !== null) setAttribute(show, 'aria-label', `Show in the flame graph: ${line.title}`);
}
