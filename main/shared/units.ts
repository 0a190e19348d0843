/**
 * Branded scalars: numbers that cannot be mixed up.
 *
 * Inside typed-array columns these are bare numbers; the column's doc comment states the unit.
 */
declare const unit: unique symbol;
type Branded<T, Unit extends string> = T & { readonly [unit]: Unit };

/** A duration, or a time since session start, in nanoseconds. Exact in a double for 104 days. */
export type Nanoseconds = Branded<number, 'ns'>;
/** Events per second. */
export type Hertz = Branded<number, 'Hz'>;
/** Process id as user space means it (the kernel's tgid), in the initial PID namespace. */
export type Pid = Branded<number, 'pid'>;

export const nanoseconds = (value: number): Nanoseconds => value as Nanoseconds;
export const hertz = (value: number): Hertz => value as Hertz;
export const asPid = (value: number): Pid => value as Pid;

export const NS_PER_MS = 1e6;
export const NS_PER_S = 1e9;
