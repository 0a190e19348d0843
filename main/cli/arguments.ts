import { InvalidArgumentError } from 'commander';

/** Option values as numbers; what is no number is a usage error, ranges are checked by who uses them. */
export function numberArgument(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new InvalidArgumentError('Not a number.');
  return value;
}

/** A whole number of at least one. */
export function countArgument(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new InvalidArgumentError('Not a whole number of at least 1.');
  }
  return value;
}

const SECONDS_PER: Readonly<Record<string, number>> = { ms: 1e-3, '': 1, s: 1, m: 60, h: 3600 };

/** "10", "10s", "500ms", "5m", "1h" as seconds. */
export function secondsArgument(text: string): number {
  const [, value = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const factor = SECONDS_PER[unit];
  if (value === '' || factor === undefined) {
    throw new InvalidArgumentError('Not a time such as 10, 10s, 500ms, 5m or 1h.');
  }
  return Number(value) * factor;
}

/** A port that needs no privileges to listen on. */
export function portArgument(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value < 1024 || value > 65_535) {
    throw new InvalidArgumentError('Not a port from 1024 to 65535.');
  }
  return value;
}
