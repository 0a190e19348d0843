import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Bits of the minor number in a kernel device number: include/linux/kdev_t.h. */
const MINOR_BITS = 20;
const names = new Map<number, string>();

/** What the kernel calls a block device, e.g. "sda"; its numbers, "8:0", if it is gone. */
export function blockDeviceName(device: number): string {
  let name = names.get(device);
  if (name === undefined) {
    const numbers = `${device >>> MINOR_BITS}:${device & ((1 << MINOR_BITS) - 1)}`;
    name = linkedName(`/sys/dev/block/${numbers}`) ?? numbers;
    names.set(device, name);
  }
  return name;
}

/** sysfs(5): the link of a device number leads to the device's own folder. */
function linkedName(path: string): string | null {
  try {
    return basename(readlinkSync(path));
  } catch {
    // Removed since, or no sysfs here: the numbers have to do.
    return null;
  }
}
