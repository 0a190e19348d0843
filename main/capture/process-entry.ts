import type { ProcessRow, ProcessUpdate } from '../store/session-batch.ts';
import { AddressSpace } from './address-space.ts';

/** What is known of a process before its facts arrive. */
export interface ProcessDetails {
  readonly parentPid: number;
  /** ns since session start, negative: before it. */
  readonly start: number;
  readonly comm: string;
  readonly exe: string;
  readonly cmdline: string;
  readonly uid: number;
  readonly cgroup: string;
}

/** One life of a pid: from fork to exit. Row `row` of the process table. */
export class ProcessEntry {
  readonly row: number;
  readonly pid: number;
  details: ProcessDetails;
  /** ns since session start; null while it lives. */
  endNs: number | null = null;
  space: AddressSpace;
  /** tid → row in the thread table. */
  readonly threads = new Map<number, number>();
  /** Only a sample or a mapping has told of it so far. */
  isPlaceholder: boolean;

  constructor(row: number, pid: number, details: ProcessDetails, space: AddressSpace | null) {
    this.row = row;
    this.pid = pid;
    this.details = details;
    this.space = space ?? new AddressSpace();
    this.isPlaceholder = space === null;
  }

  toRow(): ProcessRow {
    const { start, ...rest } = this.details;
    return { pid: this.pid, startNs: start, ...rest };
  }

  toUpdate(): ProcessUpdate {
    const { comm, exe } = this.details;
    return { process: this.row, comm, exe, endNs: this.endNs };
  }
}

/** Details of a process nobody told about: a sample of it came first. */
export function placeholderDetails(pid: number, start: number): ProcessDetails {
  const comm = pid === 0 ? 'swapper' : `pid ${pid}`;
  return { parentPid: 0, start, comm, exe: '', cmdline: '', uid: 0, cgroup: '' };
}
