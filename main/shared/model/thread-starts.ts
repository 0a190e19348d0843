/**
 * Functions that nobody calls: a user stack whose root is one of them is whole. Used where the walk up a
 * stack does not tell how it ended (frame pointers, followed by the kernel), so it is an estimate: a
 * stripped program's `_start` has no name, and a walk can end in one of these by accident.
 *
 * System V psABI for x86-64 and AArch64 (process entry), glibc and musl (threads), the Go runtime.
 */
const THREAD_STARTS: ReadonlySet<string> = new Set([
  // Process entry: the dynamic linker's and the program's.
  ...['_start', '_dl_start', '_dl_start_user', '_dlstart', '_dlstart_c'],
  // glibc's start of main, where _start is stripped of its name.
  ...['__libc_start_main', '__libc_start_main_impl', '__libc_start_call_main'],
  // Threads.
  ...['clone', '__clone', 'clone3', '__clone3', 'start_thread', 'thread_start', '__vfork'],
  // Go: goroutines, its own threads, the entry.
  ...['runtime.goexit', 'runtime.goexit.abi0', 'runtime.mstart', 'runtime.mstart.abi0'],
  ...['runtime.rt0_go', 'runtime.rt0_go.abi0', '_rt0_amd64_linux', '_rt0_arm64_linux'],
]);

/** Whether a function is where threads start. `name`: as symbol tables spell it, with or without version. */
export function isThreadStart(name: string): boolean {
  const at = name.indexOf('@');
  const bare = at > 0 ? name.slice(0, at) : name;
  return THREAD_STARTS.has(bare.startsWith('__GI_') ? bare.slice('__GI_'.length) : bare);
}
