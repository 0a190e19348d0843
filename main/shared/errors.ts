/**
 * Every expected failure, as facts. Sentences for people are in text/error-text.ts, one exhaustive
 * switch used by the window and the command line alike.
 */
export type ProfilerError =
  /** The helper could not be started with more privileges. `detail`: what was seen, possibly empty. */
  | {
      readonly kind: 'elevation-failed';
      readonly reason: ElevationFailure;
      readonly detail: string;
    }
  /** The helper that answered belongs to another version of the product. */
  | { readonly kind: 'helper-version'; readonly found: string; readonly expected: string }
  /** A helper for the user's own processes was asked for more. `what`: for people, a few words. */
  | { readonly kind: 'target-not-own'; readonly what: string }
  /** The caller may not do this. `missing` names capabilities, e.g. ['CAP_BPF']. */
  | { readonly kind: 'permission-refused'; readonly missing: readonly string[] }
  /** `feature` is a KernelFeatureId of the doctor; `reason` is what the probe saw. */
  | { readonly kind: 'kernel-feature-missing'; readonly feature: string; readonly reason: string }
  /** A shared library that the system must provide, e.g. libbpf.so.1. */
  | { readonly kind: 'library-missing'; readonly library: string; readonly reason: string }
  /** The compiled BPF object cannot be found or is no valid ELF object. */
  | { readonly kind: 'bpf-object-unusable'; readonly object: string; readonly reason: string }
  /** The kernel refused the program; `verifierLog` is its own explanation, possibly empty. */
  | {
      readonly kind: 'bpf-load-failed';
      readonly program: string;
      readonly errno: string;
      readonly verifierLog: string;
    }
  | { readonly kind: 'attach-failed'; readonly point: string; readonly errno: string }
  /** The helper ended or broke the protocol. `exitCode` null means a signal, named in `signal`. */
  | {
      readonly kind: 'helper-lost';
      readonly exitCode: number | null;
      readonly signal: string | null;
      readonly detail: string;
    }
  | { readonly kind: 'helper-protocol'; readonly detail: string }
  | { readonly kind: 'target-gone'; readonly pid: number }
  | { readonly kind: 'target-not-found'; readonly pid: number }
  | { readonly kind: 'command-failed'; readonly command: string; readonly reason: string }
  | { readonly kind: 'cgroup-not-found'; readonly path: string }
  /** A CaptureSpec field outside its range. `field` as in CaptureSpec, `allowed` for people. */
  | {
      readonly kind: 'spec-invalid';
      readonly field: string;
      readonly value: string;
      readonly allowed: string;
    }
  /** A trace's filter. `at`: characters from its start. */
  | {
      readonly kind: 'filter-invalid';
      readonly expression: string;
      readonly at: number;
      readonly reason: string;
    }
  /** `similar`: names that may have been meant. */
  | {
      readonly kind: 'probe-not-found';
      readonly probe: string;
      readonly similar?: readonly string[];
    }
  /** The probe exists, and cannot be used here; `reason` may say what to use instead. */
  | { readonly kind: 'probe-unsupported'; readonly probe: string; readonly reason: string }
  | { readonly kind: 'capture-busy' }
  | { readonly kind: 'engine-lost'; readonly detail: string }
  /** A bug of ours: `detail` is what was thrown, for a report. */
  | { readonly kind: 'internal-error'; readonly detail: string }
  | { readonly kind: 'file-not-found'; readonly path: string }
  | { readonly kind: 'file-unreadable'; readonly path: string; readonly reason: string }
  | { readonly kind: 'output-unwritable'; readonly path: string; readonly reason: string }
  | { readonly kind: 'disk-full'; readonly path: string }
  | { readonly kind: 'store-failed'; readonly path: string; readonly sqliteCode: string }
  /** Not an SQLite file at all. */
  | { readonly kind: 'not-a-session'; readonly path: string; readonly found: string }
  | { readonly kind: 'session-damaged'; readonly path: string; readonly reason: string }
  | {
      readonly kind: 'session-too-new';
      readonly path: string;
      readonly found: number;
      readonly supported: number;
    }
  | { readonly kind: 'sql-failed'; readonly reason: string }
  | { readonly kind: 'format-unknown'; readonly format: string; readonly known: readonly string[] }
  | { readonly kind: 'session-not-open'; readonly id: number }
  | { readonly kind: 'request-invalid'; readonly channel: string; readonly reason: string }
  | { readonly kind: 'cancelled' };

/** Why there is no elevated helper; pkexec(1) and what has to be installed for it. */
export type ElevationFailure =
  /** The authentication dialog was closed without a password. */
  | 'dismissed'
  /** polkit said no: a wrong password, or a rule of the machine. */
  | 'refused'
  /** Nothing in this session can ask for a password. */
  | 'no-agent'
  | 'no-pkexec'
  /** pkexec itself does not work here. */
  | 'pkexec-unusable'
  | 'policy-missing'
  | 'helper-missing'
  /** The installed helper is not root's alone: it would give root to whoever can change it. */
  | 'helper-unsafe'
  /** Nobody answered the dialog. */
  | 'timed-out';

export type ProfilerErrorKind = ProfilerError['kind'];
