import { type CaptureSpec, type CaptureTarget, UNWIND_MODES } from '#shared/model/capture-spec.ts';
import { undamaged } from './store-failure.ts';

/**
 * The spec as it is in a file, which anybody may have written. What views and exports build on is checked; the
 * settings of each source are not: they are shown nowhere, and files from before a setting lack it.
 */

type Facts = Readonly<Record<string, unknown>>;

const isFacts = (value: unknown): value is Facts =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isAmount = (value: unknown): boolean =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isFlag = (value: unknown): boolean => typeof value === 'boolean';

const isTarget: { readonly [K in CaptureTarget['kind']]: (target: Facts) => boolean } = {
  machine: () => true,
  process: ({ pid }) => Number.isSafeInteger(pid),
  cgroup: ({ path }) => isText(path),
  command: ({ argv, cwd }) => Array.isArray(argv) && argv.every(isText) && isText(cwd),
};

/** Of each key whether its value makes sense. */
const CHECKS: { readonly [K in keyof CaptureSpec]: (value: unknown) => boolean } = {
  sources: (value) =>
    Array.isArray(value) && value.every((source) => isFacts(source) && isText(source['kind'])),
  target: (value) =>
    isFacts(value) &&
    isText(value['kind']) &&
    Object.hasOwn(isTarget, value['kind']) &&
    isTarget[value['kind'] as CaptureTarget['kind']](value),
  rate: (value) => isAmount(value) && value !== 0,
  mode: (value) => value === 'precise' || value === 'aggregate',
  includeIdle: isFlag,
  costLimit: isAmount,
  kernelStacks: isFlag,
  userStacks: isFlag,
  unwind: (value) => UNWIND_MODES.some((mode) => mode === value),
  duration: (value) => value === null || isAmount(value),
};

/** Reads the JSON of `meta`'s "spec"; anything that is no capture spec is damage. */
export function specFrom(text: string): CaptureSpec {
  let spec: unknown;
  try {
    spec = JSON.parse(text);
  } catch (thrown) {
    undamaged(!(thrown instanceof SyntaxError), 'meta "spec" is no JSON');
    throw thrown;
  }
  undamaged(isFacts(spec), 'meta "spec" is no capture spec');
  for (const [key, isSound] of Object.entries(CHECKS)) {
    undamaged(isSound(spec[key]), `"${key}" in meta "spec" makes no sense`);
  }
  return spec as unknown as CaptureSpec;
}
