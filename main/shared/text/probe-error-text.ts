import type { ProfilerError } from '../errors.ts';
import type { ErrorText } from './error-words.ts';

type ProbeError = Extract<
  ProfilerError,
  { kind: 'filter-invalid' | 'probe-not-found' | 'probe-unsupported' }
>;

/** What is wrong with a probe or a trace's filter. */
export function describeProbeError(error: ProbeError): ErrorText {
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
        detail: notFoundDetail(error.similar ?? []),
        nextStep: 'Run "emberscope probes NAME" for a list of what there is.',
      };
    case 'probe-unsupported':
      return {
        title: `"${error.probe}" cannot be measured here`,
        detail: sentence(error.reason),
        nextStep: 'Choose another probe: tracepoints and system calls work on every kernel.',
      };
  }
}

const notFoundDetail = (similar: readonly string[]): string =>
  similar.length === 0
    ? 'Nothing of this name can be measured on this machine.'
    : `Nothing of this name can be measured. Similar: ${similar.join(', ')}.`;

const sentence = (reason: string): string =>
  `${reason.charAt(0).toUpperCase()}${reason.slice(1).replace(/\.$/, '')}.`;
