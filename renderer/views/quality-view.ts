import type { SessionInfo } from '#shared/model/session-info.ts';
import { formatQuantity } from '#shared/text/format-value.ts';
import { printable } from '#shared/text/printable-text.ts';
import type { QualityLine, Severity } from '#shared/text/quality-line.ts';
import {
  type Completeness,
  completenessOf,
  completenessText,
  isFlawless,
  qualityLines,
} from '#shared/text/quality-text.ts';
import { formatWeight } from '#shared/text/weight-text.ts';
import { button, h, icon, KeyedList, setAttribute, setText } from '../dom.ts';
import type { Details } from '../worker/profile-protocol.ts';
import { makeQualityRow, updateQualityRow } from './quality-row.ts';

/**
 * How far the picture can be trusted: a button for the status line with the one figure, and a panel below
 * the flame graph with every line and what to do about it. Both follow the selection, live and in files.
 */
export class QualityView {
  readonly chip: HTMLButtonElement;
  readonly panel: HTMLElement;
  private readonly chipText = h('span', {});
  private readonly scope = h('span', { class: 'faint' });
  private readonly praise: HTMLElement;
  private readonly table: HTMLElement;
  private readonly fineSummary = h('summary', {});
  private readonly fine: HTMLElement;
  private readonly flaws: KeyedList<QualityLine>;
  private readonly goods: KeyedList<QualityLine>;
  private info: SessionInfo | null = null;
  private details: Details | null = null;

  /** `onSearch` shows the samples a line speaks of. */
  constructor(onSearch: (query: string) => void) {
    this.chip = h(
      'button',
      {
        class: 'status-loss status-quality',
        id: 'status-quality',
        attributes: { type: 'button', 'aria-controls': 'quality-panel', 'aria-expanded': 'false' },
        on: { click: () => this.toggle() },
      },
      h('span', { class: 'status-dot' }),
      this.chipText,
    );
    const rows = (body: HTMLElement) =>
      new KeyedList<QualityLine>(body, {
        key: ({ id, search }) => `${id} ${search === null ? '' : 'search'}`,
        make: (line) => makeQualityRow(line, onSearch),
        update: updateQualityRow,
      });
    const flawBody = h('tbody', {});
    const goodBody = h('tbody', {});
    this.flaws = rows(flawBody);
    this.goods = rows(goodBody);
    this.table = tableOf('What limits this recording, and what to do about it', flawBody);
    this.fine = h(
      'details',
      { class: 'quality-fine' },
      this.fineSummary,
      tableOf('What is as it should be', goodBody),
    );
    this.praise = h(
      'div',
      { class: 'quality-praise' },
      icon('check'),
      h(
        'div',
        {},
        h('div', { class: 'empty-title' }, 'Nothing to report: all stacks complete.'),
        h(
          'div',
          { class: 'faint' },
          'Every user stack reaches its start, every frame has a name, and nothing was lost.',
        ),
      ),
    );
    const close = button({
      label: 'Close the quality panel',
      icon: 'close',
      iconOnly: true,
      class: 'button-quiet',
      key: 'Esc',
      onPress: () => this.close(),
    });
    this.panel = h(
      'section',
      {
        class: 'quality-panel',
        id: 'quality-panel',
        attributes: { 'aria-labelledby': 'quality-heading', tabindex: '-1' },
      },
      h(
        'header',
        { class: 'quality-head' },
        h('h2', { id: 'quality-heading' }, 'Quality of stacks and names'),
        this.scope,
        h('span', { class: 'spacer' }),
        close,
      ),
      h('div', { class: 'quality-body' }, this.praise, this.table, this.fine),
    );
    this.panel.hidden = true;
    this.render();
  }

  get isOpen(): boolean {
    return !this.panel.hidden;
  }

  setInfo(info: SessionInfo): void {
    this.info = info;
    this.render();
  }

  setDetails(details: Details): void {
    this.details = details;
    this.render();
  }

  /** Another session is shown. */
  clear(): void {
    this.details = null;
    this.render();
  }

  /** Opens the panel and goes there, or closes it and gives the focus back. */
  toggle(): void {
    if (this.isOpen) {
      this.close();
      return;
    }
    this.panel.hidden = false;
    setAttribute(this.chip, 'aria-expanded', 'true');
    this.render();
    this.panel.focus();
  }

  close(): void {
    const hadFocus = this.panel.contains(document.activeElement);
    this.panel.hidden = true;
    setAttribute(this.chip, 'aria-expanded', 'false');
    if (hadFocus) this.chip.focus();
  }

  private render(): void {
    const { info, details } = this;
    this.chip.hidden = info === null || details === null || details.quality.weight === 0;
    if (info === null || details === null) return;
    const { quality, hints } = details;
    const completeness = completenessOf(quality, info);
    setText(this.chipText, completenessText(completeness));
    setAttribute(this.chip, 'data-state', chipState(completeness));
    this.chip.title =
      'User stacks that reach their start, of the samples shown. Opens the details (Q).';
    if (!this.isOpen) return;
    const lines = qualityLines(quality, info, hints).map(printed);
    const flaws = lines.filter(({ severity }) => severity !== 'good');
    const goods = lines.filter(({ severity }) => severity === 'good');
    setText(this.scope, `${formatWeight(quality.weight, quality.unit)} shown`);
    this.flaws.render(flaws);
    this.goods.render(goods);
    this.praise.hidden = !isFlawless(lines);
    this.table.hidden = flaws.length === 0;
    this.fine.hidden = goods.length === 0;
    setText(this.fineSummary, `As it should be: ${formatQuantity(goods.length, 'check')}`);
  }
}

function tableOf(caption: string, body: HTMLElement): HTMLElement {
  const heads = ['State', 'What', 'Figure', 'Why, and what to do', ''];
  return h(
    'table',
    { class: 'quality-table' },
    h('caption', { class: 'visually-hidden' }, caption),
    h(
      'thead',
      { class: 'visually-hidden' },
      h('tr', {}, ...heads.map((head) => h('th', { attributes: { scope: 'col' } }, head))),
    ),
    body,
  );
}

/** Names and paths in it come from the recorded programs. */
const printed = (line: QualityLine): QualityLine => ({
  ...line,
  title: printable(line.title),
  sentence: printable(line.sentence),
  remedy: printable(line.remedy),
});

/** Shape and colour of the dot: as of the losses beside it. */
function chipState({ share, isEstimate }: Completeness): string {
  if (Number.isNaN(share)) return 'none';
  const level: Severity = share >= 0.98 ? 'good' : share >= 0.8 ? 'warning' : 'bad';
  if (level === 'good') return isEstimate ? 'limited' : 'none';
  return level === 'warning' ? 'limited' : 'lost';
}
