import type { ProfilerError } from '../errors.ts';

type ProbeError = Extract<
  ProfilerError,
  { kind: 'filter-invalid' | 'probe-not-found' | 'probe-unsupported' }
>;

/** What is wrong with a probe or a trace's filter. */
export function describeProbeError(error: ProbeError): {
  readonly title: string;
  readonly detail: string;
  readonly nextStep: string;
} {
  switch (error.kind) {
    case 'filter-invalid':
      return {
        title: 'The filter cannot be used',
        detail: `At character ${error.at + 1} of "${error.expression}": ${error.reason}.`,
        nextStep:
          'A filter compares fields: pid == 42 && comm == "app". Operators: == != < <= > >= & ~ && || ! ( ).',
      };
    case 'probe-not-found':
      return {
        title: `There is no probe "${error.probe}"`,
        detail: 'Nothing of this name can be measured on this machine.',
        nextStep: '"emberscope probes NAME" lists what there is, with near names.',
      };
    case 'probe-unsupported':
      return {
        title: `"${error.probe}" cannot be measured here`,
        detail: `${error.reason.replace(/\.$/, '')}.`,
        nextStep: 'Choose another probe: tracepoints and system calls work on every kernel.',
      };
  }
}
