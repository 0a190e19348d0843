import { invariant } from '#shared/invariant.ts';
import type { Connection } from './connection.ts';
import { openKnown } from './known-schema.ts';
import { FORMAT_VERSION } from './schema.ts';
import { DamageFound } from './store-failure.ts';

/** Brings a file from version `from` to `from + 1`, inside a transaction. */
export interface Upgrader {
  readonly from: number;
  /** What files of that version hold; nothing else is ever upgraded. */
  readonly schema: string;
  readonly upgrade: (connection: Connection) => Promise<void>;
}

/** One per format version ever released, but the newest. Version 1 is the first: none yet. */
export const UPGRADERS: readonly Upgrader[] = [];

/** Upgrades a private copy of a session, step by step, to the version this program writes. */
export async function upgradeCopy(
  path: string,
  version: number,
  upgraders: readonly Upgrader[],
): Promise<void> {
  const stepFrom = (from: number): Upgrader => {
    const step = upgraders.find((candidate) => candidate.from === from);
    if (step === undefined) throw new DamageFound(`format version ${from} was never released`);
    return step;
  };
  const connection = await openKnown(path, 'write', stepFrom(version).schema);
  try {
    for (let from = version; from < FORMAT_VERSION; from++) {
      const step = stepFrom(from);
      await connection.transaction('BEGIN IMMEDIATE', async () => {
        await step.upgrade(connection);
        await connection.exec(`PRAGMA user_version = ${from + 1}`);
      });
    }
    const { user_version: reached } = await connection.one('PRAGMA user_version');
    invariant(reached === FORMAT_VERSION, `upgrade ended at version ${String(reached)}`);
  } finally {
    await connection.close();
  }
}
