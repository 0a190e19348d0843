import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** What the guest puts around its result on the serial console. */
export const RESULT_BEGIN = '<<<EMBERSCOPE-RESULT ';
export const RESULT_END = ' EMBERSCOPE-RESULT>>>';
/** Begins a line of the serial console that tells how far the guest is. */
export const PROGRESS = '<<<EMBERSCOPE-PROGRESS>>> ';

export interface BootOptions {
  /** Paths of the compressed kernel and of the initramfs. */
  readonly kernel: string;
  readonly initramfs: string;
  readonly memoryMib: number;
  readonly timeoutMs: number;
  /** Gets what the guest says of its progress, a line at a time. */
  readonly onProgress?: (line: string) => void;
}

export interface BootResult {
  /** What the guest printed between the markers, parsed; null: it printed none. */
  readonly result: unknown;
  /** Everything on the serial console. */
  readonly console: string;
  readonly seconds: number;
}

/**
 * Boots a kernel in QEMU with its own emulation of the CPU (TCG): works in virtual machines without
 * nested virtualization too, some ten times slower. Ends when the guest powers off or time is over.
 *
 * A guest that changes its own code while another of its CPUs runs it (static keys) may run the
 * breakpoint that the kernel puts there meanwhile after it is gone, and oops: the emulator's fault, seen
 * by other projects too (mptcp_net-next issue 471). Such a guest is booted again with its CPUs in turn.
 */
export async function bootKernel(options: BootOptions): Promise<BootResult> {
  const first = await bootOnce(options, 'multi');
  if (first.result !== null || !/Oops: int3/.test(first.console)) return first;
  process.stdout.write(
    '  the emulator ran stale code (Oops: int3): once more, one CPU at a time\n',
  );
  return bootOnce(options, 'single');
}

/** How the emulator runs the guest's CPUs: in threads of their own, or in turn. */
type Threads = 'multi' | 'single';

async function bootOnce(options: BootOptions, threads: Threads): Promise<BootResult> {
  const began = performance.now();
  const child = spawn('qemu-system-x86_64', qemuArguments(options, threads), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  createInterface({ input: child.stdout }).on('line', (line) => {
    const at = line.indexOf(PROGRESS);
    if (at >= 0) options.onProgress?.(line.slice(at + PROGRESS.length).trimEnd());
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs);
  try {
    await once(child, 'close');
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
  return { result: resultIn(output), console: output, seconds: (performance.now() - began) / 1000 };
}

function qemuArguments({ kernel, initramfs, memoryMib }: BootOptions, threads: Threads): string[] {
  // mitigations=off: they cost an emulated CPU most of its time and have nothing to do with the test.
  // tsc: all CPUs have the emulator's clock. A guest that cannot tell reads a timer device instead, in
  // microseconds: what two clock readings of a probe would take then hides all the rest.
  const line =
    'console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off tsc=reliable nokaslr rdinit=/init';
  return [
    ...['-accel', `tcg,thread=${threads}`, '-cpu', 'max', '-smp', '2', '-m', String(memoryMib)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    ...['-kernel', kernel, '-initrd', initramfs, '-append', line],
  ];
}

function resultIn(output: string): unknown {
  const begin = output.lastIndexOf(RESULT_BEGIN);
  const end = output.indexOf(RESULT_END, begin);
  if (begin < 0 || end < 0) return null;
  return JSON.parse(output.slice(begin + RESULT_BEGIN.length, end)) as unknown;
}
