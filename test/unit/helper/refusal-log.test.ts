import { describe, expect, it } from 'vitest';
import { logLine } from '../../../main/helper/refusal-log.ts';

describe('a line for the system’s log', () => {
  const noon = new Date(2026, 10, 3, 7, 5, 9);

  it('is laid out as syslog(3) does: authpriv, warning, local time, who', () => {
    expect(logLine('emberscope-helper', 'refused', noon)).toBe(
      '<84>Nov  3 07:05:09 emberscope-helper: refused',
    );
  });

  it('stays one line of bounded length, whatever was refused', () => {
    const line = logLine(
      'x',
      `a\nNov  3 07:05:10 sshd: all is well\u001b[2J${'y'.repeat(9000)}`,
      noon,
    );
    expect(line).toContain('a\\x0aNov');
    expect(line).not.toMatch(/[\n\u001b]/);
    expect(line.length).toBeLessThan(450);
  });
});
