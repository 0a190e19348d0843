import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { arch, release } from 'node:os';
import { join } from 'node:path';
import type { DoctorCheck } from '#shared/ipc/contract.ts';
import { libbpf } from '../ffi/libbpf.ts';
import { maskOf, namesIn } from './capabilities.ts';
import { onlineCpus, probeCpuWideEvent, probeCycles } from './perf-event.ts';

/**
 * What of the kernel and the system works here, for the doctor. Each feature is probed by using it,
 * or by the file that stands for it; never by the kernel's version. Nothing here needs privilege:
 * what cannot be told without is said to be unknown.
 */

/** enum bpf_map_type: include/uapi/linux/bpf.h. */
const BPF_MAP_TYPE_RINGBUF = 27;
/** Fastest rate and deepest stacks offered: main/shared/model/capture-spec.ts. */
const WANTED_RATE_HZ = 20_000;
const WANTED_FRAMES = 127;

/** A small file's text without the final line break; null if it cannot be read. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    // Absent, or not ours to read: the caller says "unknown". Anything else is a bug.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

const check = (
  id: string,
  title: string,
  [status, found, fix = '']: readonly [DoctorCheck['status'], string, string?],
): DoctorCheck => ({ id, title, status, found, fix });

const START_PRIVILEGED = 'Start Emberscope as root, or with these capabilities.';

function ownCapabilities(): bigint {
  const found = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText('/proc/self/status') ?? '');
  return found === null ? 0n : BigInt(`0x${found[1]!}`);
}

const hasAny = (own: bigint, names: Parameters<typeof maskOf>[0]): boolean =>
  (own & maskOf(names)) !== 0n;

function checkCapabilities(own: bigint): DoctorCheck {
  const isAdmin = hasAny(own, ['CAP_SYS_ADMIN']);
  const missing = (['CAP_BPF', 'CAP_PERFMON'] as const).filter(
    (name) => !isAdmin && !hasAny(own, [name]),
  );
  const title = 'Capabilities of this process';
  if (missing.length > 0) {
    const found = `without ${missing.join(', ')}`;
    return {
      ...check('capabilities', title, ['missing', found, START_PRIVILEGED]),
      needsPrivilege: true,
    };
  }
  const wanted = (['CAP_SYSLOG', 'CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'] as const).filter(
    (name) => !hasAny(own, [name]),
  );
  if (wanted.length === 0) return check('capabilities', title, ['ok', namesIn(own).join(', ')]);
  const fix =
    'Without CAP_SYSLOG kernel functions have no names; without the others, those of other users may have none.';
  return check('capabilities', title, ['limited', `without ${wanted.join(', ')}`, fix]);
}

function checkBtf(): DoctorCheck {
  const path = '/sys/kernel/btf/vmlinux';
  const title = 'Kernel type information (BTF)';
  if (existsSync(path)) return check('btf', title, ['ok', path]);
  const fix = 'Use a kernel built with CONFIG_DEBUG_INFO_BTF; all current distributions have it.';
  return check('btf', title, ['missing', `no ${path}`, fix]);
}

function checkLibbpf(): DoctorCheck {
  const title = 'libbpf';
  const library = libbpf();
  if (library.ok) return check('libbpf', title, ['ok', library.value.libbpf_version_string()]);
  const reason = library.error.kind === 'library-missing' ? library.error.reason : '';
  return check('libbpf', title, [
    'missing',
    reason,
    'Install libbpf 1.x (Debian, Ubuntu: apt install libbpf1; Fedora: dnf install libbpf).',
  ]);
}

function checkRingBuffer(own: bigint): DoctorCheck {
  const title = 'BPF ring buffer';
  const library = libbpf();
  if (!library.ok) return check('ring-buffer', title, ['info', 'unknown without libbpf']);
  const answer = library.value.libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, null);
  if (answer === 1) return check('ring-buffer', title, ['ok', 'available']);
  if (!hasAny(own, ['CAP_BPF', 'CAP_SYS_ADMIN'])) {
    return check('ring-buffer', title, ['info', 'unknown: probing needs CAP_BPF']);
  }
  return check('ring-buffer', title, ['missing', 'refused', 'Use Linux 5.8 or newer.']);
}

function checkJit(): DoctorCheck {
  const value = readText('/proc/sys/net/core/bpf_jit_enable');
  const title = 'BPF just-in-time compiler';
  if (value === null) return check('bpf-jit', title, ['info', 'unknown: only root may read it']);
  if (value !== '0') return check('bpf-jit', title, ['ok', 'on']);
  return check('bpf-jit', title, [
    'limited',
    'off: samples cost more',
    'sysctl net.core.bpf_jit_enable=1',
  ]);
}

const isRefusal = (errno: string): boolean => errno === 'EACCES' || errno === 'EPERM';

function checkPerfEvents(cpu: number): DoctorCheck {
  const title = 'CPU-wide perf events';
  const errno = probeCpuWideEvent(cpu);
  if (errno === null) return check('perf-events', title, ['ok', 'open']);
  if (isRefusal(errno)) {
    const found = `not for this user (${errno})`;
    return {
      ...check('perf-events', title, ['limited', found, START_PRIVILEGED]),
      needsPrivilege: true,
    };
  }
  const fix = 'Use a kernel with CONFIG_PERF_EVENTS; in a container, allow perf_event_open.';
  return check('perf-events', title, ['missing', errno, fix]);
}

function checkCycles(cpu: number): DoctorCheck {
  const title = 'Hardware cycle counter';
  const errno = probeCycles(cpu);
  if (errno === null) return check('pmu-cycles', title, ['ok', 'counts cycles']);
  if (isRefusal(errno)) return check('pmu-cycles', title, ['info', `unknown (${errno})`]);
  return check('pmu-cycles', title, [
    'limited',
    `${errno}: the CPU clock fires the samples instead`,
  ]);
}

function checkKprobes(): DoctorCheck {
  const title = 'Kernel probes (kprobes)';
  if (existsSync('/sys/bus/event_source/devices/kprobe')) {
    return check('kprobes', title, ['ok', 'available']);
  }
  return check('kprobes', title, [
    'limited',
    'not available: on-CPU recording does not use them',
    'For latencies of kernel functions use a kernel with CONFIG_KPROBE_EVENTS.',
  ]);
}

function checkLockdown(): DoctorCheck {
  const title = 'Kernel lockdown';
  const text = readText('/sys/kernel/security/lockdown');
  if (text === null) return check('lockdown', title, ['info', 'not in use']);
  const mode = /\[(\w+)\]/.exec(text)?.[1] ?? text;
  if (mode !== 'confidentiality') return check('lockdown', title, ['ok', mode]);
  return check('lockdown', title, [
    'missing',
    'confidentiality: BPF programs may not read kernel memory',
    'Boot with lockdown=integrity, or without secure boot.',
  ]);
}

function checkKernelSymbols(): DoctorCheck {
  const value = readText('/proc/sys/kernel/kptr_restrict');
  const title = 'Kernel symbol addresses (kptr_restrict)';
  if (value !== '2') return check('kptr-restrict', title, ['ok', value ?? 'unknown']);
  const found = '2: hidden from everybody, kernel functions have no names';
  return check('kptr-restrict', title, ['limited', found, 'sysctl kernel.kptr_restrict=1']);
}

/** A limit of the kernel that should be at least `wanted`. */
function checkLimit(id: string, title: string, name: string, wanted: number): DoctorCheck {
  const value = readText(`/proc/sys/kernel/${name}`);
  if (value === null) return check(id, title, ['info', 'unknown']);
  if (Number(value) >= wanted) return check(id, title, ['ok', value]);
  return check(id, title, [
    'limited',
    `${value}, wanted ${wanted}`,
    `sysctl kernel.${name}=${wanted}`,
  ]);
}

const checkSysctl = (id: string, title: string, name: string): DoctorCheck =>
  check(id, title, ['info', readText(`/proc/sys/kernel/${name}`) ?? 'unknown']);

function checkPkexec(): DoctorCheck {
  const title = 'polkit (pkexec)';
  const path = (process.env['PATH'] ?? '/usr/bin')
    .split(':')
    .map((folder) => join(folder, 'pkexec'))
    .find(isExecutable);
  if (path !== undefined) return check('pkexec', title, ['ok', path]);
  return check('pkexec', title, [
    'limited',
    'no pkexec: recording works only when started with privilege',
    'Install polkit (Debian: apt install pkexec; older: policykit-1; Fedora: dnf install polkit).',
  ]);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

function checkCgroup2(): DoctorCheck {
  const title = 'cgroup v2';
  const mount = (readText('/proc/self/mounts') ?? '')
    .split('\n')
    .find((line) => line.split(' ')[2] === 'cgroup2');
  if (mount !== undefined) return check('cgroup2', title, ['ok', mount.split(' ')[1] ?? '']);
  const fix = 'mount -t cgroup2 none /sys/fs/cgroup/unified';
  return check('cgroup2', title, ['limited', 'not mounted: no cgroup targets', fix]);
}

function checkPidNamespace(): DoctorCheck {
  const title = 'Process numbers';
  const numbers = /^NSpid:\s*(.*)$/m.exec(readText('/proc/self/status') ?? '')?.[1] ?? '';
  if (numbers.split(/\s+/).length < 2) {
    return check('pid-namespace', title, ['ok', 'as the kernel counts them']);
  }
  const fix = 'Run outside the container, or share the PID namespace of the host.';
  return check('pid-namespace', title, ['limited', 'a container has numbers of its own', fix]);
}

function checkMemoryCgroup(): DoctorCheck {
  const title = 'Memory cgroup';
  const lines = (readText('/proc/self/cgroup') ?? '').split('\n');
  const line =
    lines.find((text) => text.includes(':memory:')) ?? lines.find((text) => text.startsWith('0::'));
  const path = line?.split(':').slice(2).join(':') ?? '';
  // Since Linux 5.11 BPF maps are charged here, before to RLIMIT_MEMLOCK.
  return check('memory-cgroup', title, [
    'info',
    path === '' ? 'none' : `BPF maps are charged to ${path}`,
  ]);
}

/** Every check of the doctor, in the order they are shown. */
export async function probeKernelFeatures(): Promise<DoctorCheck[]> {
  const own = ownCapabilities();
  const cpu = onlineCpus()[0] ?? 0;
  return await Promise.resolve([
    check('kernel', 'Kernel', ['info', `${release()} ${arch()}`]),
    checkCapabilities(own),
    checkBtf(),
    checkLibbpf(),
    checkRingBuffer(own),
    checkJit(),
    checkPerfEvents(cpu),
    checkCycles(cpu),
    checkKprobes(),
    checkLockdown(),
    checkKernelSymbols(),
    checkLimit(
      'max-sample-rate',
      'Highest sampling rate',
      'perf_event_max_sample_rate',
      WANTED_RATE_HZ,
    ),
    checkLimit('max-stack', 'Deepest stacks', 'perf_event_max_stack', WANTED_FRAMES),
    checkSysctl('perf-event-paranoid', 'perf_event_paranoid', 'perf_event_paranoid'),
    checkSysctl('unprivileged-bpf', 'unprivileged_bpf_disabled', 'unprivileged_bpf_disabled'),
    checkPkexec(),
    checkCgroup2(),
    checkPidNamespace(),
    checkMemoryCgroup(),
  ]);
}
