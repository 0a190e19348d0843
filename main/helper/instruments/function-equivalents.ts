/** What measures nearly the same as a kernel function where functions cannot be probed. */
const EQUIVALENTS: readonly (readonly [name: RegExp, instead: string])[] = [
  [/^__(x64|ia32|arm64|se)_sys_\w+$/, 'the system call itself (--syscalls)'],
  [
    /^vfs_(read|write|open|fsync|stat\w*|readv|writev)$/,
    'the system calls that call it (--syscalls)',
  ],
  [/^ksys_|^do_sys_|^do_filp_open$/, 'the system calls that call it (--syscalls)'],
  [/nanosleep|^schedule|^futex_wait|^do_futex/, 'waits and who ends them (--off-cpu --wakers)'],
  [/^blk_|^submit_bio|^bio_|^nvme_|^scsi_/, 'block requests (--block-io)'],
  [/fault/, 'page faults (--count page-faults)'],
  [/^(tcp|udp|inet|sock|ip)_/, 'tracepoints of the network (--trace tracepoint:sock:...)'],
];

/** A sentence with the nearest thing that works on every kernel. */
export function equivalentOf(name: string): string {
  const found = EQUIVALENTS.find(([expression]) => expression.test(name))?.[1];
  return `Measure ${found ?? 'system calls (--syscalls), a tracepoint, or a function of the program'} instead`;
}
