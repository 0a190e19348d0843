import { readFileSync } from 'node:fs';
import { arch, cpus, hostname, release, totalmem } from 'node:os';

import type { HostFacts } from '#shared/model/session-info.ts';

/** Facts about this machine for the session; `sampleEvent` stays empty until sampling starts. */
export function hostFacts(): HostFacts {
  const processors = cpus();
  return {
    hostname: hostname(),
    kernel: release(),
    arch: machineName(arch()),
    os: prettyName(readText('/etc/os-release')),
    cpuModel: processors[0]?.model.trim() ?? '',
    cpus: processors.length,
    memoryBytes: totalmem(),
    sampleEvent: '',
    bpfJit: Number(readText('/proc/sys/net/core/bpf_jit_enable')) > 0,
  };
}

/** PRETTY_NAME of os-release(5) text, unquoted; empty when absent. */
export function prettyName(osRelease: string): string {
  const found = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1] ?? '';
  return found.replace(/^(["'])(.*)\1$/, '$2');
}

/** Node's word for the machine → uname -m's. */
function machineName(nodeArch: string): string {
  const names: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' };
  return names[nodeArch] ?? nodeArch;
}

/** Empty when the file cannot be read: each of these facts has an empty value for that. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
