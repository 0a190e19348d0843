import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { nearNames } from '#shared/text/near-names.ts';
import { parseSdtArguments, type SdtArgument } from '../elf/sdt-arguments.ts';
import { readSdtProbes } from './user-function.ts';

/** One place where a USDT probe stands in its file. */
export interface UsdtSite {
  readonly offset: number;
  /** Of the counter that switches the probe on; 0: there is none. */
  readonly semaphoreOffset: number;
  /** null: somewhere it cannot be read. */
  readonly arguments: (SdtArgument | null)[];
}

/** All places of a USDT probe, and its arguments at each. */
export function findUsdtSites(probe: {
  readonly path: string;
  readonly provider: string;
  readonly name: string;
}): Result<UsdtSite[], ProfilerError> {
  const { path, provider, name } = probe;
  const read = readSdtProbes(path);
  if (!read.ok) return read;
  const found = read.value.filter((one) => one.provider === provider && one.name === name);
  if (found.length === 0) {
    const names = new Set(read.value.map((one) => `${one.provider}:${one.name}`));
    const similar = nearNames(`${provider}:${name}`, names);
    return err({ kind: 'probe-not-found', probe: `${path}:${provider}:${name}`, similar });
  }
  return ok(
    found.map(({ offset, semaphoreOffset, arguments: text }) => ({
      ...{ offset, semaphoreOffset },
      arguments: parseSdtArguments(text),
    })),
  );
}
