import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inRoot } from '../paths.mjs';
import { SetupError } from '../say.mjs';

/** Where Debian has the texts that every other package refers to; other systems have no such place. */
const COMMON = '/usr/share/common-licenses';
const REFERENCE = new RegExp(`On Debian systems the full text is in ${COMMON}/(\\S+)\\.`, 'g');

/** Of a licence in COMMON. @param {string} name such as "GPL-2" */
export const debianReference = (name) => `On Debian systems the full text is in ${COMMON}/${name}.`;

/** The licences of our own files whose text is not in the copyright file itself: name → file with the text. */
export const ownLicenceTexts = () => ({
  'Apache-2.0': inRoot('LICENSE'),
  'GPL-2': commonText('GPL-2'),
});

/**
 * A copyright file for systems other than Debian.
 * @param {string} copyright
 * @param {(name: string) => string} placeOf where the text of a licence is
 */
export const withTextsAt = (copyright, placeOf) =>
  copyright.replaceAll(REFERENCE, (_, name) => `The full text is in ${placeOf(name)}.`);

/** Names of the texts in COMMON that somebody else's copyright file refers to. @param {string} copyright */
export const textsNamedIn = (copyright) =>
  new Set([...copyright.matchAll(/common-licenses\/([\w.-]*\w)/g)].map(([, name]) => String(name)));

/** @param {string} name */
export function commonText(name) {
  const path = join(COMMON, name);
  if (existsSync(path)) return path;
  throw new SetupError(
    `The text of ${name}, which packages must bring along, is not on this system.`,
    `Make rpm and tar.gz on Debian or Ubuntu, or put the text where they have it: ${path}`,
  );
}
