import type { HostBridge } from '#shared/ipc/host-bridge.ts';
import {
  type CaptureMode,
  type CaptureSpec,
  type CaptureTarget,
  DEFAULT_COST_LIMIT,
  DEFAULT_RATE_HZ,
  type UnwindMode,
} from '#shared/model/capture-spec.ts';
import { asPid, hertz, type Nanoseconds, NS_PER_S, nanoseconds } from '#shared/units.ts';
import { button, fill, h, icon } from '../dom.ts';
import type { EngineClient } from '../engine-client.ts';
import type { Actions } from '../state/actions.ts';
import { type AppState, captureProblem } from '../state/app-state.ts';
import type { Store } from '../state/store.ts';
import { CostEstimate } from './cost-estimate.ts';
import { checkbox, type Field, field, segmented, textInput } from './fields.ts';
import { proposeProbes } from './probe-proposals.ts';
import { ProcessPicker } from './process-picker.ts';
import { createRateField } from './rate-field.ts';
import { createSourceChoice } from './source-choice.ts';
import { splitCommand } from './split-command.ts';

type TargetKind = CaptureTarget['kind'];

/** What the form holds while it is filled in. */
interface Draft {
  kind: TargetKind;
  command: string;
  cwd: string;
  cgroup: string;
  mode: CaptureMode;
  includeIdle: boolean;
  kernelStacks: boolean;
  userStacks: boolean;
  unwind: UnwindMode;
  /** Seconds as typed; empty: until stopped. */
  duration: string;
}

const TARGETS = [
  { value: 'machine', label: 'Machine' },
  { value: 'command', label: 'Program' },
  { value: 'process', label: 'Process' },
  { value: 'cgroup', label: 'cgroup' },
] as const satisfies readonly { value: TargetKind; label: string }[];

/** The page on which a recording is described and started. */
export function createRecordForm(
  store: Store<AppState>,
  actions: Actions,
  outside: { readonly engine: EngineClient; readonly host: HostBridge },
): HTMLElement {
  const draft: Draft = {
    kind: 'machine',
    command: '',
    cwd: '',
    cgroup: '',
    mode: 'precise',
    includeIdle: false,
    kernelStacks: true,
    userStacks: true,
    unwind: 'auto',
    duration: '',
  };
  const picker = new ProcessPicker(outside.engine, () => refresh());
  const rate = createRateField(() => refresh());
  const choice = createSourceChoice(
    () => refresh(),
    (field, text) => proposeProbes(outside.engine, field, text),
  );
  const targets = segmented<TargetKind>('What to record', TARGETS, (kind) =>
    actions.showRecordForm(kind),
  );
  const target = targetFields(draft, picker, outside.host, () => refresh());
  const estimate = new CostEstimate(outside.engine, () => {
    const sources = choice.read();
    const chosen = target.read();
    return sources.ok && typeof chosen !== 'string'
      ? { sources: sources.value, target: chosen }
      : null;
  });
  const duration = durationField(draft, () => refresh());
  const start = button({
    label: 'Start recording',
    class: 'button-primary',
    onPress: () => submit(),
  });
  const missing = h('span', { class: 'form-missing', attributes: { 'aria-live': 'polite' } });
  const password = h('span', { class: 'form-missing' }, 'The system asks for a password.');

  function currentSpec(): CaptureSpec | string {
    const sources = choice.read();
    const chosenRate = choice.samplesCpus() ? rate.value() : DEFAULT_RATE_HZ;
    const chosenTarget = target.read();
    const limit = durationOf(draft);
    if (typeof chosenTarget === 'string') return chosenTarget;
    if (!sources.ok) return sources.error;
    if (chosenRate === null) return 'The rate is not valid.';
    if (limit === undefined) return 'The duration is not valid.';
    if (!draft.kernelStacks && !draft.userStacks) return 'Choose kernel or user stacks.';
    const { mode, includeIdle, kernelStacks, userStacks, unwind } = draft;
    return {
      sources: sources.value,
      target: chosenTarget,
      rate: hertz(chosenRate),
      mode,
      includeIdle,
      costLimit: DEFAULT_COST_LIMIT,
      kernelStacks,
      userStacks,
      unwind,
      duration: limit,
    };
  }
  function refresh(): void {
    rate.element.hidden = !choice.samplesCpus();
    estimate.update();
    const spec = currentSpec();
    start.disabled = typeof spec === 'string' || store.get().busy !== null;
    missing.textContent = typeof spec === 'string' ? spec : '';
    const { app } = store.get();
    const asks = app?.capture.ok === true && app.capture.value === 'polkit';
    password.hidden = !asks || typeof spec === 'string';
  }
  function submit(): void {
    const spec = currentSpec();
    if (typeof spec !== 'string') void actions.startCapture(spec);
  }

  const form = h(
    'form',
    {
      class: 'record-form',
      on: {
        submit: (event) => {
          event.preventDefault();
          submit();
        },
      },
    },
    targets.element,
    target.element,
    choice.element,
    estimate.element,
    rate.element,
    duration.element,
    advanced(draft, () => refresh()),
    h(
      'div',
      { class: 'form-actions' },
      start,
      button({ label: 'Cancel', onPress: () => void actions.showStart() }),
      missing,
      password,
    ),
  );
  const problem = h('div');
  let shownKind: TargetKind | null = null;
  store.subscribe((state) => {
    const error = captureProblem(state.app?.capture);
    fill(problem, error === null ? [] : [captureHint()]);
    if (state.page.kind !== 'record') {
      picker.stop();
      shownKind = null;
      return;
    }
    refresh();
    if (shownKind === state.page.target) return;
    shownKind = draft.kind = state.page.target;
    targets.setValue(draft.kind);
    target.show(state.app?.home ?? '/');
    if (draft.kind === 'process') picker.start();
    else picker.stop();
    refresh();
  });
  return h(
    'main',
    { class: 'record' },
    h(
      'div',
      { class: 'record-column' },
      h(
        'header',
        { class: 'record-head' },
        button({
          label: 'Back',
          icon: 'back',
          iconOnly: true,
          class: 'button-quiet',
          onPress: () => void actions.showStart(),
        }),
        h('h1', {}, 'Record'),
      ),
      problem,
      form,
    ),
  );
}

const captureHint = (): HTMLElement =>
  h(
    'div',
    { class: 'banner banner-warning', attributes: { role: 'status' } },
    icon('warning'),
    h(
      'div',
      { class: 'banner-text' },
      h('span', {}, 'A check says that recording is not possible here. Starting will show why.'),
    ),
  );

/** The part of the form that differs by target. */
function targetFields(
  draft: Draft,
  picker: ProcessPicker,
  host: HostBridge,
  onChange: () => void,
): { readonly element: HTMLElement; show(home: string): void; read(): CaptureTarget | string } {
  const element = h('div', { class: 'target-fields' });
  const command = textInput({
    value: '',
    placeholder: './server --port 8080',
    mono: true,
    onInput: (value) => {
      draft.command = value;
      const split = splitCommand(value);
      commandField.setFault(split.ok || value.trim() === '' ? null : split.error);
      onChange();
    },
  });
  const commandField = field(
    'Command',
    command,
    'Run as you, without a shell. Quotes group words.',
  );
  const folder = textInput({
    value: '',
    placeholder: '',
    mono: true,
    onInput: (value) => {
      draft.cwd = value.trim();
      onChange();
    },
  });
  const pick = button({
    label: 'Choose…',
    onPress: () =>
      void host.pickFolder(draft.cwd).then((path) => {
        if (path !== null) folder.value = draft.cwd = path;
      }),
  });
  const folderField = field('Folder', h('div', { class: 'field-line' }, folder, pick), '', folder);
  const cgroup = textInput({
    value: '',
    placeholder: '/sys/fs/cgroup/system.slice/nginx.service',
    mono: true,
    onInput: (value) => {
      draft.cgroup = value.trim();
      onChange();
    },
  });
  const parts: Readonly<Record<TargetKind, readonly HTMLElement[]>> = {
    machine: [
      h(
        'p',
        { class: 'target-note' },
        'All processes and the kernel, on every CPU. Idle time is left out.',
      ),
    ],
    command: [commandField.element, folderField.element],
    process: [picker.element],
    cgroup: [field('cgroup', cgroup, 'A cgroup v2 folder; groups below it are included.').element],
  };
  return {
    element,
    show(home) {
      folder.placeholder = home;
      fill(element, parts[draft.kind]);
    },
    read: () => readTarget(draft, picker, folder.placeholder),
  };
}

/** The target, or what is missing. */
function readTarget(draft: Draft, picker: ProcessPicker, home: string): CaptureTarget | string {
  switch (draft.kind) {
    case 'machine':
      return { kind: 'machine' };
    case 'process':
      if (picker.selected === null) return 'Choose a process.';
      return { kind: 'process', pid: asPid(picker.selected.pid) };
    case 'cgroup':
      return draft.cgroup === ''
        ? 'Enter a cgroup folder.'
        : { kind: 'cgroup', path: draft.cgroup };
    case 'command': {
      const split = splitCommand(draft.command);
      return split.ok
        ? { kind: 'command', argv: split.value, cwd: draft.cwd || home }
        : split.error;
    }
  }
}

function durationField(draft: Draft, onChange: () => void): Field {
  const input = textInput({
    value: '',
    placeholder: 'until stopped',
    onInput: (value) => {
      draft.duration = value;
      wrapped.setFault(durationOf(draft) === undefined ? 'Seconds, more than 0.' : null);
      onChange();
    },
  });
  input.classList.add('input-rate');
  const line = h('div', { class: 'field-line' }, input, h('span', { class: 'faint' }, 's'));
  const wrapped = field('Stop after', line, '', input);
  return wrapped;
}

/** Null: until stopped. Undefined: not valid. */
function durationOf(draft: Draft): Nanoseconds | null | undefined {
  if (draft.duration.trim() === '') return null;
  const seconds = Number(draft.duration);
  return seconds > 0 && seconds < 1e7 ? nanoseconds(seconds * NS_PER_S) : undefined;
}

function advanced(draft: Draft, onChange: () => void): HTMLElement {
  const mode = segmented<CaptureMode>(
    'Mode',
    [
      { value: 'precise', label: 'Precise', title: 'Every sample with its own time' },
      {
        value: 'aggregate',
        label: 'Aggregate',
        title: 'Counts per second; for recordings of hours',
      },
    ],
    (value) => {
      draft.mode = value;
      mode.setValue(value);
      onChange();
    },
  );
  mode.setValue(draft.mode);
  const unwind = segmented<UnwindMode>(
    'Unwinding',
    [
      { value: 'auto', label: 'Auto', title: 'Unwind tables; frame pointers where there are none' },
      { value: 'eh', label: 'Tables only', title: 'No frame pointers, not even in generated code' },
      {
        value: 'fp',
        label: 'Frame pointers',
        title: 'By the kernel; breaks in most distributions',
      },
    ],
    (value) => {
      draft.unwind = value;
      unwind.setValue(value);
      onChange();
    },
  );
  unwind.setValue(draft.unwind);
  return h(
    'details',
    { class: 'advanced' },
    h('summary', {}, icon('chevron'), 'Advanced'),
    h(
      'div',
      { class: 'advanced-body' },
      field(
        'Mode',
        mode.element,
        'Precise keeps every sample with its time. Aggregate keeps counts per second, for recordings of hours.',
      ).element,
      field(
        'Unwinding',
        unwind.element,
        'How callers are found. Auto reads unwind tables, so programs built without frame pointers have whole stacks.',
      ).element,
      checkbox('Kernel stacks', draft.kernelStacks, (on) => {
        draft.kernelStacks = on;
        onChange();
      }),
      checkbox('User stacks', draft.userStacks, (on) => {
        draft.userStacks = on;
        onChange();
      }),
      checkbox('Keep samples of idle CPUs', draft.includeIdle, (on) => {
        draft.includeIdle = on;
        onChange();
      }),
    ),
  );
}
