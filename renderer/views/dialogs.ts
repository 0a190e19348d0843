import type { DoctorCheck } from '#shared/ipc/contract.ts';
import { describeError } from '#shared/text/error-text.ts';
import { button, type Child, fill, h } from '../dom.ts';
import type { EngineClient } from '../engine-client.ts';
import type { AppState } from '../state/app-state.ts';

const SHORTCUTS: readonly (readonly [
  section: string,
  keys: readonly (readonly [string, string])[],
])[] = [
  [
    'Flame graph',
    [
      ['↑ ↓', 'Caller or callee of the focused frame'],
      ['← →', 'Neighbouring frame'],
      ['Enter or click', 'Zoom to the frame'],
      ['Backspace', 'Zoom out by one frame'],
      ['0', 'Show everything'],
      ['Ctrl + wheel', 'Magnify at the pointer'],
      ['Shift + wheel or drag', 'Pan'],
      ['I', 'Callers first (inverted)'],
      ['F', 'Flames or icicles'],
    ],
  ],
  [
    'Session',
    [
      ['/ or Ctrl F', 'Search'],
      ['Esc', 'Undo one thing: panel, search, zoom, then each part of the selection'],
      ['← →', 'On the tabs: another source'],
      ['Q', 'Quality of stacks and names'],
      ['S', 'Stop recording'],
      ['R', 'Record'],
      ['Ctrl O', 'Open a session'],
      ['Ctrl S', 'Save the session as'],
      ['?', 'This sheet'],
    ],
  ],
];

/** Opens a modal dialog; Escape, the backdrop and its button close it and give the focus back. */
function openDialog(title: string, content: readonly Child[], extraClass = ''): HTMLDialogElement {
  const heading = h('h2', { id: 'dialog-title' }, title);
  const dialog = h('dialog', {
    class: `dialog ${extraClass}`.trim(),
    attributes: { 'aria-labelledby': 'dialog-title' },
  });
  const close = button({
    label: 'Close',
    icon: 'close',
    iconOnly: true,
    class: 'button-quiet',
    onPress: () => dialog.close(),
  });
  fill(dialog, [
    h('header', { class: 'dialog-head' }, heading, close),
    h('div', { class: 'dialog-body' }, ...content),
  ]);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function showShortcuts(): void {
  const sections = SHORTCUTS.map(([section, keys]) =>
    h(
      'section',
      {},
      h('h3', {}, section),
      h(
        'dl',
        { class: 'shortcuts' },
        ...keys.flatMap(([key, what]) => [h('dt', {}, key), h('dd', {}, what)]),
      ),
    ),
  );
  openDialog('Keyboard', [h('div', { class: 'shortcut-columns' }, ...sections)], 'dialog-wide');
}

/** Asks the engine what works here and shows it with the fixes. */
export async function showDoctor(engine: EngineClient): Promise<void> {
  const body = h('div', { class: 'doctor', attributes: { 'aria-busy': true } }, 'Checking…');
  openDialog('What works here', [body], 'dialog-wide');
  const report = await engine.ask('doctor.run', {});
  body.removeAttribute('aria-busy');
  if (report.ok) {
    fill(body, [h('ul', { class: 'checks' }, ...report.value.checks.map(checkItem))]);
    return;
  }
  const text = describeError(report.error);
  fill(body, [h('p', {}, text.title), h('p', {}, text.detail), h('p', {}, text.nextStep)]);
}

const STATUS_TEXT: Readonly<Record<DoctorCheck['status'], string>> = {
  ok: 'Works',
  limited: 'Limited',
  missing: 'Missing',
  info: 'Info',
};

const checkItem = (check: DoctorCheck): HTMLElement =>
  h(
    'li',
    { class: `check check-${check.status}` },
    h('span', { class: 'check-status' }, STATUS_TEXT[check.status]),
    h(
      'div',
      {},
      h('div', { class: 'check-title' }, check.title),
      h('div', { class: 'check-found' }, check.found),
      check.fix === '' ? null : h('code', { class: 'check-fix' }, check.fix),
    ),
  );

export function showAbout(state: AppState): void {
  const { app } = state;
  const facts: readonly (readonly [string, string])[] = [
    ['Version', app?.version ?? ''],
    ['Host', app?.hostname ?? ''],
    ['Kernel', app?.kernel ?? ''],
    ['CPUs', app === null ? '' : String(app.cpus)],
  ];
  openDialog('Emberscope', [
    h('p', {}, 'A profiler for Linux: what runs on the CPUs, live and in one file.'),
    h(
      'dl',
      { class: 'facts' },
      ...facts.flatMap(([key, value]) => [h('dt', {}, key), h('dd', {}, value)]),
    ),
  ]);
}
