import { button, fill, h, type IconName, icon } from '../dom.ts';
import type { Actions } from '../state/actions.ts';
import type { AppState, Notice } from '../state/app-state.ts';
import type { Store } from '../state/store.ts';

const ICON_OF: Readonly<Record<Notice['tone'], IconName>> = {
  error: 'warning',
  warning: 'warning',
  info: 'info',
  success: 'check',
};

/** Messages above the content: what happened, why, and what to do. */
export function createBanners(store: Store<AppState>, actions: Actions): HTMLElement {
  const element = h('div', { class: 'banners' });
  let shown: readonly Notice[] = [];
  store.subscribe(({ notices }) => {
    if (notices === shown) return;
    shown = notices;
    fill(
      element,
      notices.map((notice) => banner(notice, () => actions.dismiss(notice.id))),
    );
  });
  return element;
}

function banner(notice: Notice, onDismiss: () => void): HTMLElement {
  return h(
    'div',
    {
      class: `banner banner-${notice.tone}`,
      attributes: { role: notice.tone === 'error' ? 'alert' : 'status' },
      data: { notice: notice.id },
    },
    icon(ICON_OF[notice.tone]),
    h(
      'div',
      { class: 'banner-text' },
      h('strong', {}, notice.title),
      notice.detail === '' ? null : h('span', { class: 'banner-detail' }, notice.detail),
      notice.nextStep === '' ? null : h('span', { class: 'banner-next' }, notice.nextStep),
    ),
    button({
      label: 'Dismiss',
      icon: 'close',
      iconOnly: true,
      class: 'button-quiet',
      onPress: onDismiss,
    }),
  );
}
