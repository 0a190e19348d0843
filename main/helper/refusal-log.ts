import { closeSync, writeSync } from 'node:fs';
import type { ProfilerError } from '#shared/errors.ts';
import { printable } from '#shared/text/printable-text.ts';
import { libc } from '../ffi/libc.ts';
import { isElevated } from './parent-watch.ts';

/** LOG_AUTHPRIV | LOG_WARNING, syslog(3): where administrators look for what somebody tried. */
const PRIORITY = (10 << 3) | 4;
/** Longest text, characters: what was refused may have been written by whoever tried. */
const MAX_TEXT = 400;
/** Where the system's log is told something: systemd-journald, rsyslogd, busybox syslogd. */
const LOG_SOCKET = '/dev/log';
/** socket(2). */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/**
 * A way to the system's log for an elevated helper, which the capture stage may inherit but not open;
 * -1: it is not elevated, or nobody keeps a log here.
 */
export function openRefusalLog(): number {
  if (!isElevated()) return -1;
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const address = socketAddress(LOG_SOCKET);
  if (libc().connect(fd, address, address.length) === 0) return fd;
  closeSync(fd);
  return -1;
}

/** What an error says that somebody tried beyond his permission, or beyond what an engine sends; null: nothing. */
export function attemptIn(error: ProfilerError): string | null {
  switch (error.kind) {
    case 'target-not-own':
      return error.what;
    case 'helper-protocol':
      return error.detail;
    case 'helper-version':
      return `a request of ${error.found}`;
    default:
      return null;
  }
}

/** Tells the log behind `fd` what an elevated helper refused and to whom; -1: nobody is told. */
export function logRefusal(what: string, fd: number): void {
  if (fd < 0) return;
  const text = `refused to uid ${String(process.getuid?.())}: ${what}`;
  try {
    writeSync(fd, logLine('emberscope-helper', text, new Date()));
  } catch (error) {
    // A log that is full, or was started anew, is no reason to fail: the engine gets the error as well.
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

/** The same, by a way opened for it. */
export function logRefusalOnce(what: string): void {
  const fd = openRefusalLog();
  logRefusal(what, fd);
  if (fd >= 0) closeSync(fd);
}

/** What syslog(3) sends: priority, local time, who, and one line of text. RFC 3164, section 4.1. */
export function logLine(tag: string, text: string, now: Date): string {
  const month = now.toLocaleString('en-US', { month: 'short' });
  const day = `${now.getDate()}`.padStart(2);
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()]
    .map((part) => `${part}`.padStart(2, '0'))
    .join(':');
  return `<${PRIORITY}>${month} ${day} ${time} ${tag}: ${printable(text).slice(0, MAX_TEXT)}`;
}

/** struct sockaddr_un of unix(7). */
function socketAddress(path: string): Uint8Array {
  const address = Buffer.alloc(2 + path.length + 1);
  // In the machine's order: Linux runs this program on little-endian machines alone.
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(path, 2);
  return address;
}
