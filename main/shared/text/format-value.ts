import { NS_PER_MS, NS_PER_S } from '../units.ts';

/**
 * Numbers for people: three significant digits, always with a unit, decimal point whatever the locale
 * (the same figure reads the same in a window, a report and a bug tracker). Not-a-number is a dash.
 */

/** Groups digits by three: narrow no-break space, which SI asks for. */
const GROUP_SEPARATOR = '\u202f';
const NOT_KNOWN = '–';

/** A whole count without unit: 1234567 is "1 234 567" with narrow spaces. Fractions are rounded. */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return NOT_KNOWN;
  const digits = Math.abs(Math.round(count)).toFixed(0);
  const grouped = digits.replace(/\B(?=(?:\d{3})+$)/g, GROUP_SEPARATOR);
  return Math.round(count) < 0 ? `-${grouped}` : grouped;
}

/** A count with its noun: "1 sample", "2 samples". `plural` when adding s is wrong. */
export function formatQuantity(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${Math.round(count) === 1 ? noun : plural}`;
}

/** A time span of `ns` nanoseconds: "850 ns", "1.25 ms", "12.5 s", "1 m 12 s", "2 h 5 m". */
export function formatDuration(ns: number): string {
  if (!Number.isFinite(ns)) return NOT_KNOWN;
  if (ns < 0) return `-${formatDuration(-ns)}`;
  if (ns === 0) return '0 s';
  if (ns < 999.5) return `${significant(ns)} ns`;
  if (ns < 999.5e3) return `${significant(ns / 1e3)} µs`;
  if (ns < 999.5e6) return `${significant(ns / NS_PER_MS)} ms`;
  if (ns < 59.95e9) return `${significant(ns / NS_PER_S)} s`;
  return formatLongDuration(Math.round(ns / NS_PER_S));
}

/** Time on a running clock, whole seconds: "0 s", "59 s", "1 m 12 s". Does not jump in width by digits. */
export function formatElapsed(ns: number): string {
  if (!Number.isFinite(ns) || ns < 0) return NOT_KNOWN;
  const seconds = Math.floor(ns / NS_PER_S);
  return seconds < 60 ? `${seconds} s` : formatLongDuration(seconds);
}

function formatLongDuration(seconds: number): string {
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} m`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A size in bytes, by powers of 1024: "512 B", "1.5 KiB", "2.25 GiB". */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return NOT_KNOWN;
  if (bytes < 0) return `-${formatBytes(-bytes)}`;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : significant(value)} ${units[unit] ?? 'B'}`;
}

/** A share of 0 to 1: "70.1 %", "0.25 %", "<0.01 %"; exactly none is "0 %", exactly all "100 %". */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return NOT_KNOWN;
  if (share < 0) return `-${formatPercent(-share)}`;
  const percent = share * 100;
  if (percent === 0 || percent === 100) return `${percent} %`;
  if (percent < 0.005) return '<0.01 %';
  if (percent < 9.995) return `${percent.toFixed(2)} %`;
  // Never rounds up to all.
  if (percent < 100 && percent >= 99.95) return '>99.9 %';
  return `${percent.toFixed(1)} %`;
}

/** A frequency: "99 Hz", "4.999 kHz" (exact up to 10 kHz: people type 4999). */
export function formatFrequency(hertz: number): string {
  if (!Number.isFinite(hertz)) return NOT_KNOWN;
  if (hertz < 999.5) return `${significant(hertz)} Hz`;
  if (hertz < 999.5e3) return `${trimZeros((hertz / 1e3).toFixed(3))} kHz`;
  return `${significant(hertz / 1e6)} MHz`;
}

/** Things per second: "98.7 samples/s", "12 345 samples/s". */
export function formatRate(perSecond: number, noun: string): string {
  if (!Number.isFinite(perSecond)) return NOT_KNOWN;
  const value = Math.abs(perSecond) < 999.5 ? significant(perSecond) : formatCount(perSecond);
  return `${value} ${noun}/s`;
}

/** Three significant digits without trailing zeros: 1.25, 12.5, 125, 1. For |value| below 1000. */
function significant(value: number): string {
  const magnitude = Math.abs(value);
  const digits = magnitude >= 99.95 ? 0 : magnitude >= 9.995 ? 1 : 2;
  return trimZeros(value.toFixed(digits));
}

const trimZeros = (text: string): string =>
  text.includes('.') ? text.replace(/\.?0+$/, '') : text;
