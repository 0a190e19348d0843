import { koffi, type Pointer } from './koffi.ts';

/**
 * The C library's functions, under their C names and with their C results: -1 and errno.
 * ioctl, fcntl, prctl and syscall are variadic in C; on Linux ABIs integers and pointers travel alike.
 */
export interface Libc {
  /** perf_event_open(2), which glibc does not wrap. */
  syscall(
    number: number,
    attr: Pointer,
    pid: number,
    cpu: number,
    group: number,
    flags: number,
  ): number;
  /** bpf(2), which glibc does not wrap: what libbpf cannot ask for. */
  bpf(number: number, command: number, attr: Pointer, size: number): number;
  ioctl(fd: number, request: number, argument: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  /** MAP_FAILED (all ones) on failure. */
  mmap(
    address: null,
    length: number,
    prot: number,
    flags: number,
    fd: number,
    offset: number,
  ): bigint;
  munmap(address: bigint, length: number): number;
  memcpy(destination: Pointer, source: Pointer, length: number): unknown;
  close(fd: number): number;
  poll(fds: Uint8Array, count: number, timeoutMs: number): number;
  clock_gettime(clock: number, timespec: Uint8Array): number;
  sysconf(name: number): number;
  capget(header: Uint8Array, data: Uint8Array): number;
  capset(header: Uint8Array, data: Uint8Array): number;
  prctl(option: number, a: number, b: number, c: number, d: number): number;
  setrlimit(resource: number, limits: Uint8Array): number;
  memfd_create(name: string, flags: number): number;
  execve(path: string, argv: (string | null)[], envp: (string | null)[]): number;
  socket(family: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array, bytes: number): number;
  /** _exit(2): no exit handler, no destructor, no other thread gets a say. */
  _exit(status: number): void;
}

const DECLARATIONS: Record<keyof Libc, string> = {
  syscall:
    'long syscall(long number, void *attr, int pid, int cpu, int group, unsigned long flags)',
  bpf: 'long syscall(long number, int command, void *attr, unsigned int size)',
  ioctl: 'int ioctl(int fd, unsigned long request, long argument)',
  fcntl: 'int fcntl(int fd, int command, long argument)',
  mmap: 'void *mmap(void *address, size_t length, int prot, int flags, int fd, long offset)',
  munmap: 'int munmap(void *address, size_t length)',
  memcpy: 'void *memcpy(void *destination, void *source, size_t length)',
  close: 'int close(int fd)',
  poll: 'int poll(void *fds, unsigned long count, int timeoutMs)',
  clock_gettime: 'int clock_gettime(int clock, void *timespec)',
  sysconf: 'long sysconf(int name)',
  capget: 'int capget(void *header, void *data)',
  capset: 'int capset(void *header, void *data)',
  prctl:
    'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
  setrlimit: 'int setrlimit(int resource, void *limits)',
  memfd_create: 'int memfd_create(const char *name, unsigned int flags)',
  execve: 'int execve(const char *path, const char **argv, const char **envp)',
  socket: 'int socket(int family, int type, int protocol)',
  connect: 'int connect(int fd, void *address, unsigned int bytes)',
  _exit: 'void _exit(int status)',
};

let bound: Libc | undefined;

/** The C library of this process, bound at the first call. */
export function libc(): Libc {
  if (bound === undefined) {
    const library = koffi().load(null);
    const functions = Object.entries(DECLARATIONS).map(([name, text]) => [
      name,
      library.func(text),
    ]);
    bound = Object.fromEntries(functions) as Libc;
  }
  return bound;
}

/** What mmap(2) returns on failure. */
export const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** perf_event_open's number; null on machines we have no number for. */
export function perfEventOpenNumber(): number | null {
  if (process.arch === 'x64') return 298;
  if (process.arch === 'arm64') return 241;
  return null;
}

/** bpf's number; null as above. */
export function bpfNumber(): number | null {
  if (process.arch === 'x64') return 321;
  if (process.arch === 'arm64') return 280;
  return null;
}

let pageBytes = 0;
/** Size of a memory page, bytes; sysconf(_SC_PAGESIZE). */
export function pageSize(): number {
  if (pageBytes === 0) pageBytes = libc().sysconf(30);
  return pageBytes;
}

/** Linux's clock numbers for clock_gettime(2). */
export const CLOCK_MONOTONIC = 1;
export const CLOCK_BOOTTIME = 7;

/** Reads a clock, ns since its own origin. */
export function clockNs(clock: number): bigint {
  const timespec = new BigUint64Array(2);
  libc().clock_gettime(clock, new Uint8Array(timespec.buffer));
  return timespec[0]! * 1_000_000_000n + timespec[1]!;
}
