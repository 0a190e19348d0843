import { closeSync, ftruncateSync } from 'node:fs';
import { MappedMemory } from '../../main/bpf/mapped-memory.ts';
import { libc } from '../../main/ffi/libc.ts';

/** Memory of `length` bytes, all zero, where production maps an array of the kernel's. */
export function anonymousMemory(length: number): MappedMemory {
  const fd = libc().memfd_create('test', 0);
  if (fd < 0) throw new Error('no memfd');
  try {
    ftruncateSync(fd, length);
    const memory = MappedMemory.map(fd, { offset: 0, length, writable: true }, 'test');
    if (!memory.ok) throw new Error(JSON.stringify(memory.error));
    return memory.value;
  } finally {
    closeSync(fd);
  }
}

/** A copy of `length` bytes from `offset` on. */
export function bytesIn(memory: MappedMemory, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  memory.read(bytes, offset, length);
  return bytes;
}
