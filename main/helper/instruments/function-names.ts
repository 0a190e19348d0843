import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { nearNames } from '#shared/text/near-names.ts';
import {
  kernelCodeNames,
  kernelFunctionNames,
  matchingFunctions,
} from '../../bpf/kernel-functions.ts';

/** A pattern may stand for so many functions: each is patched in the kernel's code. */
const MAX_FUNCTIONS = 5000;

/** A kernel function by its name; near names if there is none. */
export function kernelFunctionNamed(name: string): Result<string, ProfilerError> {
  for (const known of kernelCodeNames()) if (known === name) return ok(name);
  return err({ kind: 'probe-not-found', probe: name, similar: nearNames(name, kernelCodeNames()) });
}

/** The kernel functions a name or pattern means. */
export function kernelFunctionsOf(name: string): Result<readonly string[], ProfilerError> {
  if (!name.includes('*')) {
    const known = kernelFunctionNamed(name);
    return known.ok ? ok([known.value]) : known;
  }
  const found = matchingFunctions(name, kernelFunctionNames(), MAX_FUNCTIONS);
  if (found.length === 0) return err({ kind: 'probe-not-found', probe: name });
  if (found.length <= MAX_FUNCTIONS) return ok(found);
  const reason = `the pattern stands for more than ${MAX_FUNCTIONS} functions`;
  return err({ kind: 'probe-unsupported', probe: name, reason });
}
