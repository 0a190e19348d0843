import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { type Desktop, ROOT } from './desktop.ts';
import { commandLine, descendantsOf } from './processes.ts';

/** A program with a known profile, built by scripts/build.mjs: see assets/demo/workload.c. */
export const WORKLOAD = join(ROOT, 'dist', 'demo', 'workload');

const CLI = join(ROOT, 'dist', 'cli', 'main.js');

/** Shares of the demo workload's functions by construction, percent. */
export const TRUE_SHARES = { work_hot: 70, work_warm: 20, work_cold: 10 };

/** A box of the drawn flame graph, as its outline tells it. */
export interface DrawnFrame {
  readonly name: string;
  readonly depth: number;
  /** As spoken, of all samples, percent. */
  readonly percent: number;
  readonly total: number;
  readonly self: number;
}

/** The drawn flame graph: the outline beside the canvas, which screen readers read. */
export async function readDrawnFrames(page: Page): Promise<readonly DrawnFrame[]> {
  const items = await page
    .getByRole('tree')
    .getByRole('treeitem')
    .evaluateAll((elements) =>
      elements.map((element) => ({
        label: element.getAttribute('aria-label') ?? '',
        data: Object.fromEntries(Object.entries((element as HTMLElement).dataset)),
      })),
    );
  return items.map(({ label, data }) => {
    const percent = /, [<>]?([\d.]+)\s*%, [\d\s]+ samples?$/.exec(label)?.[1];
    if (percent === undefined) throw new Error(`an outline item reads '${label}'`);
    return {
      name: data['name'] ?? '',
      depth: Number(data['depth']),
      percent: Number(percent),
      total: Number(data['total']),
      self: Number(data['self']),
    };
  });
}

/** Drawn shares of the workload's three functions, percent, over all boxes of the same name. */
export async function drawnShares(page: Page): Promise<Record<keyof typeof TRUE_SHARES, number>> {
  const frames = await readDrawnFrames(page);
  const share = (name: string) =>
    frames.filter((frame) => frame.name === name).reduce((sum, { percent }) => sum + percent, 0);
  return {
    work_hot: share('work_hot'),
    work_warm: share('work_warm'),
    work_cold: share('work_cold'),
  };
}

/** Expects the three functions within 3 points of what they are by construction. */
export async function expectTrueShares(page: Page): Promise<void> {
  // The status line may know of samples before the first picture of them.
  await waitForHottest(page);
  const shares = await drawnShares(page);
  for (const [name, truth] of Object.entries(TRUE_SHARES)) {
    const drawn = shares[name as keyof typeof shares];
    expect(Math.abs(drawn - truth), `${name} is drawn with ${drawn} %`).toBeLessThanOrEqual(3);
  }
}

/** Fills in the form for the demo workload and starts; returns at once. */
export async function startWorkload(
  page: Page,
  { rate = 999, threads = 1, program = WORKLOAD } = {},
): Promise<void> {
  await page.getByRole('button', { name: 'Record a program' }).click();
  await page.getByLabel('Command').fill(`${program} 60 ${threads}`);
  await page.getByLabel('Rate', { exact: true }).fill(String(rate));
  await page.getByRole('button', { name: 'Start recording' }).click();
}

/** As startWorkload(), and returns when samples are drawn. */
export async function recordWorkload(
  page: Page,
  workload?: Parameters<typeof startWorkload>[1],
): Promise<void> {
  await startWorkload(page, workload);
  await waitForHottest(page);
}

/** Waits until the workload's hottest function is drawn; if it is not, says what the page shows instead. */
export async function waitForHottest(page: Page): Promise<void> {
  const hottest = page.getByRole('treeitem', { name: /^work_hot,/ }).first();
  try {
    await hottest.waitFor({ state: 'attached', timeout: 30_000 });
  } catch (cause) {
    const drawn = await page.getByRole('treeitem').allTextContents();
    const text = await page.locator('body').innerText();
    throw new Error(`work_hot is not drawn, but: ${drawn.join(' ')}\nThe page: ${text}`, { cause });
  }
}

/** Samples so far, as the status line says. */
export async function sampleCount(page: Page): Promise<number> {
  return Number(await page.locator('#status-samples').getAttribute('data-samples'));
}

/** Waits until at least so many samples were recorded. */
export async function waitForSamples(page: Page, atLeast: number): Promise<void> {
  await expect
    .poll(() => sampleCount(page), { timeout: 60_000, interval: 200 })
    .toBeGreaterThanOrEqual(atLeast);
}

/** Waits until no recording runs any more. */
export async function waitUntilStopped(desktop: Desktop): Promise<void> {
  await expect.poll(() => desktop.helperPid(), { timeout: 30_000, interval: 100 }).toBeNull();
  await expect.poll(() => windowTitle(desktop), { timeout: 30_000 }).not.toMatch(/^Recording/);
}

/** What the desktop shows as the window's name. */
export const windowTitle = (desktop: Desktop): Promise<string> =>
  desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getTitle() ?? '');

/** Pids of the demo workloads that an app has started: they outlive an app that is killed. */
export function workloadsOf(desktop: Desktop): readonly number[] {
  return descendantsOf(desktop.mainPid).filter((pid) => commandLine(pid).startsWith(WORKLOAD));
}

/** Records the demo workload for 4 s with the command line; returns the file. */
export function recordedSession(folder: string): string {
  const path = join(folder, 'session.ember');
  const args = ['record', '-F', '999', '-d', '4', '-o', path, '--', WORKLOAD, '6'];
  execFileSync(process.execPath, [CLI, ...args], { stdio: 'pipe' });
  chmodSync(path, 0o644);
  return path;
}

/** What the command line says about a file: an independent reading. */
export function reportOf(path: string): {
  readonly total: number;
  readonly session: {
    readonly state: string;
    readonly sampleCount: number;
    readonly duration: number;
  };
} {
  return JSON.parse(
    execFileSync(process.execPath, [CLI, 'report', path, '--json'], { encoding: 'utf8' }),
  ) as ReturnType<typeof reportOf>;
}
