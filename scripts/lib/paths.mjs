import { join, resolve } from 'node:path';

/** The checkout's root folder. */
export const ROOT = resolve(import.meta.dirname, '..', '..');

/** A path inside the checkout. @param {...string} parts */
export const inRoot = (...parts) => join(ROOT, ...parts);

/** Ignored by git: downloads, remembered failures, test logs. */
export const CACHE = inRoot('.cache');
