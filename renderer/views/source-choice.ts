import type { LatencyDetail, SourceSpec } from '#shared/model/capture-spec.ts';
import { MAX_SOURCES } from '#shared/model/capture-spec.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { parseDuration } from '#shared/text/parse-duration.ts';
import { h } from '../dom.ts';
import { checkbox, field, segmented, textInput } from './fields.ts';
import { countedEvent, functionProbe, traceProbe } from './probe-input.ts';
import { ProbeList, type Proposals } from './probe-list.ts';

/** Events per second that a trace records at most. */
const TRACE_PER_SECOND = 10_000;

/** Fields of the form in which probes are typed. */
export type ProbeField = 'function' | 'count' | 'trace';
export type ProposeProbes = (field: ProbeField, text: string) => Promise<Proposals>;

/** What is to be measured, as check boxes with what each needs to know. */
export interface SourceChoice {
  readonly element: HTMLElement;
  /** The sources chosen, or what is missing. */
  read(): Result<readonly SourceSpec[], string>;
  /** Whether CPUs are sampled: the rate matters then. */
  samplesCpus(): boolean;
}

/** A line of the form: its check box, and what it reads when that is checked. */
interface Option {
  readonly element: HTMLElement;
  readonly isOn: () => boolean;
  read(): Result<readonly SourceSpec[], string>;
}

export function createSourceChoice(onChange: () => void, propose: ProposeProbes): SourceChoice {
  const onCpu = option(
    { title: 'On-CPU time', hint: 'which code runs, by samples', checked: true },
    onChange,
    {
      read: () => ok([{ kind: 'on-cpu' }]),
    },
  );
  const options = [
    onCpu,
    offCpu(onChange),
    timed('run-queue', 'Run-queue latency', 'runnable, but without a CPU', onChange),
    timed('syscalls', 'System calls', 'by call and outcome', onChange),
    timed('block-io', 'Block I/O', 'requests to disks', onChange),
    functions(onChange, propose),
    counters(onChange, propose),
    traces(onChange, propose),
  ];
  const list = h('div', { class: 'source-choice' }, ...options.map(({ element }) => element));
  list.setAttribute('role', 'group');
  list.setAttribute('aria-label', 'What to measure');
  return {
    element: field('Measure', list).element,
    samplesCpus: () => onCpu.isOn(),
    read() {
      const sources: SourceSpec[] = [];
      for (const one of options) {
        if (!one.isOn()) continue;
        const read = one.read();
        if (!read.ok) return read;
        sources.push(...read.value);
      }
      if (sources.length === 0) return err('Choose what to measure.');
      return sources.length > MAX_SOURCES
        ? err(`At most ${MAX_SOURCES} can be measured at once.`)
        : ok(sources);
    },
  };
}

function option(
  words: { readonly title: string; readonly hint: string; readonly checked: boolean },
  onChange: () => void,
  parts: { readonly details?: HTMLElement; readonly read: Option['read'] },
): Option {
  const { title, hint, checked } = words;
  let on = checked;
  const details = parts.details ?? null;
  const box = checkbox(title, checked, (now) => {
    on = now;
    if (details !== null) details.hidden = !on;
    note.hidden = on && details !== null;
    onChange();
  });
  const note = h('span', { class: 'source-hint' }, hint);
  if (details !== null) details.hidden = !on;
  const element = h('div', { class: 'source-option' }, box, note, details);
  return { element, isOn: () => on, read: parts.read };
}

/** A field for the least duration; empty: everything. */
function leastField(
  initial: string,
  onChange: () => void,
): { readonly element: HTMLElement; read(): Result<number, string> } {
  const read = (): Result<number, string> => {
    const text = input.value.trim();
    const ns = text === '' ? 0 : parseDuration(text);
    return ns === null ? err('The least duration is not valid: write 500us, 10ms or 1s.') : ok(ns);
  };
  const input = textInput({
    value: initial,
    placeholder: 'any',
    onInput: () => {
      input.setAttribute('aria-invalid', String(!read().ok));
      onChange();
    },
  });
  const element = h(
    'label',
    { class: 'source-details' },
    h('span', { class: 'faint' }, 'at least'),
    input,
  );
  return { element, read };
}

function detailSwitch(initial: LatencyDetail): {
  readonly element: HTMLElement;
  value(): LatencyDetail;
} {
  let value = initial;
  const control = segmented<LatencyDetail>(
    'Detail',
    [
      {
        value: 'histogram',
        label: 'Histogram',
        title:
          'All are counted in the kernel, some keep their stacks: for tens of thousands a second',
      },
      { value: 'events', label: 'Every one', title: 'Each with its own time and stack' },
    ],
    (detail) => {
      value = detail;
      control.setValue(detail);
    },
  );
  control.setValue(initial);
  return { element: control.element, value: () => value };
}

function offCpu(onChange: () => void): Option {
  const least = leastField('1ms', onChange);
  let wakers = true;
  const who = checkbox('and who ended each wait', true, (on) => (wakers = on));
  const details = h('div', { class: 'source-details' }, least.element, who);
  return option(
    { title: 'Off-CPU time', hint: 'what threads wait for', checked: false },
    onChange,
    {
      details,
      read: () => {
        const minNs = least.read();
        return minNs.ok ? ok([{ kind: 'off-cpu', minNs: minNs.value, wakers }]) : minNs;
      },
    },
  );
}

function timed(
  kind: 'run-queue' | 'syscalls' | 'block-io',
  title: string,
  hint: string,
  onChange: () => void,
): Option {
  const least = leastField('', onChange);
  const detail = detailSwitch(kind === 'block-io' ? 'events' : 'histogram');
  const details = h('div', { class: 'source-details' }, detail.element, least.element);
  return option({ title, hint, checked: false }, onChange, {
    details,
    read: () => {
      const minNs = least.read();
      return minNs.ok ? ok([{ kind, minNs: minNs.value, detail: detail.value() }]) : minNs;
    },
  });
}

function functions(onChange: () => void, propose: ProposeProbes): Option {
  const least = leastField('', onChange);
  const detail = detailSwitch('histogram');
  const probes = probeList('Function', 'vfs_read, or /usr/bin/app:function', {
    check: (text) => faultOf(functionProbe(text)),
    propose: (text) => propose('function', text),
    onChange,
  });
  const line = h('div', { class: 'source-details' }, detail.element, least.element);
  return option({ title: 'Functions', hint: 'from entry to return', checked: false }, onChange, {
    details: h('div', { class: 'source-probes' }, line, probes.element),
    read: () => {
      const minNs = least.read();
      if (!minNs.ok) return minNs;
      return everyOf(probes, 'Enter a function.', (text) => {
        const probe = functionProbe(text);
        if (!probe.ok) return probe;
        const [kind, one] = ['function', probe.value] as const;
        return ok({ kind, probe: one, minNs: minNs.value, detail: detail.value() });
      });
    },
  });
}

function counters(onChange: () => void, propose: ProposeProbes): Option {
  const probes = probeList('Event', 'page-faults, or block:block_rq_issue', {
    check: (text) => faultOf(countedEvent(text)),
    propose: (text) => propose('count', text),
    onChange,
  });
  return option(
    { title: 'Event counts', hint: 'stacks of page faults, tracepoints, …', checked: false },
    onChange,
    {
      details: h('div', { class: 'source-probes' }, probes.element),
      read: () =>
        everyOf(probes, 'Enter an event to count.', (text) => {
          const event = countedEvent(text);
          return event.ok ? ok({ kind: 'count', ...event.value }) : event;
        }),
    },
  );
}

function traces(onChange: () => void, propose: ProposeProbes): Option {
  let filter = '';
  let returns = false;
  const probes = probeList('Probe', 'tracepoint:sched:sched_process_exec', {
    check: (text) => faultOf(traceProbe(text)),
    propose: (text) => propose('trace', text),
    onChange,
  });
  const input = textInput({
    ...{ value: '', placeholder: 'filter, e.g. bytes > 4096', mono: true },
    onInput: (text) => (filter = text.trim()),
  });
  input.setAttribute('aria-label', 'Filter of the events');
  const atReturn = checkbox(
    'of functions: at their return, with its value and time',
    false,
    (on) => {
      returns = on;
      onChange();
    },
  );
  return option(
    { title: 'Event list', hint: 'every event with its fields', checked: false },
    onChange,
    {
      details: h('div', { class: 'source-probes' }, probes.element, input, atReturn),
      read: () =>
        everyOf(probes, 'Enter a probe to trace.', (text) => {
          const probe = traceProbe(text);
          if (!probe.ok) return probe;
          const { type } = probe.value;
          const limits = { stacks: true, perSecond: TRACE_PER_SECOND };
          const isFunction = type === 'kernel' || type === 'user';
          return ok({
            ...{ kind: 'trace', probe: probe.value, filter, ...limits },
            returns: returns && isFunction,
          });
        }),
    },
  );
}

const probeList = (
  label: string,
  placeholder: string,
  rest: Pick<ConstructorParameters<typeof ProbeList>[0], 'check' | 'propose' | 'onChange'>,
): ProbeList => new ProbeList({ label, placeholder, ...rest });

const faultOf = (result: Result<unknown, string>): string | null =>
  result.ok ? null : result.error;

/** A source for each line; `missing`: what to say when there is none. */
function everyOf(
  probes: ProbeList,
  missing: string,
  sourceOf: (text: string) => Result<SourceSpec, string>,
): Result<readonly SourceSpec[], string> {
  const sources: SourceSpec[] = [];
  for (const text of probes.texts) {
    const source = sourceOf(text);
    if (!source.ok) return source;
    sources.push(source.value);
  }
  return sources.length === 0 ? err(missing) : ok(sources);
}
