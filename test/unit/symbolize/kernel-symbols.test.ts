import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KernelSymbols } from '../../../main/symbolize/kernel-symbols.ts';

const TEXT = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 t srso_alias_untrain_ret
ffffffff81000000 T startup_64
ffffffff81000100 t helper_of_nobody
ffffffff81000200 W weak_one
ffffffff82000000 D some_data
ffffffffc0202000 t nf_init\t[nf_tables]
ffffffffc0201000 t nf_hook\t[nf_tables]
ffffffffc0300000 t bpf_prog_6deef7357e7b4530_on_tick\t[bpf]
`;

function kernelOf(text: string, cut = text.length): KernelSymbols {
  const kernel = new KernelSymbols();
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += cut) kernel.add(bytes.subarray(at, at + cut));
  kernel.finish();
  return kernel;
}

describe('KernelSymbols.locate', () => {
  const kernel = kernelOf(TEXT);

  it('counts the kernel from _stext and a module from its lowest symbol', () => {
    expect(kernel.locate(0xffffffff, 0x81000123)).toEqual({ image: '[kernel]', offset: 0x123 });
    expect(kernel.locate(0xffffffff, 0xc0202010)).toEqual({ image: 'nf_tables', offset: 0x1010 });
    expect(kernel.locate(0xffffffff, 0xc0300004)).toEqual({ image: 'bpf', offset: 4 });
  });

  it('does not extend the last symbol of an image without end', () => {
    expect(kernel.locate(0xffffffff, 0xc0250000)).toEqual({
      image: '[kernel]',
      offset: 0x3f250000,
    });
    expect(kernel.symbolAt('[kernel]', 0x3f250000)).toBeNull();
  });

  it('gives the low 48 bits without symbols', () => {
    expect(kernelOf('').locate(0xffffffff, 0x81000123)).toEqual({
      image: '[kernel]',
      offset: 0xffff81000123,
    });
  });
});

describe('KernelSymbols.symbolAt', () => {
  const kernel = kernelOf(TEXT);

  it('prefers a function to section marks and exported to local names', () => {
    expect(kernel.symbolAt('[kernel]', 0x50)).toEqual({ name: 'startup_64', startOffset: 0 });
  });

  it('names what locate() located, in kernel, module and BPF program', () => {
    const at = (low: number): string | undefined => {
      const { image, offset } = kernel.locate(0xffffffff, low);
      return kernel.symbolAt(image, offset)?.name;
    };
    expect(
      [0x81000100, 0x810001ff, 0x81000200, 0xc0201fff, 0xc0202000, 0xc0300001].map(at),
    ).toEqual([
      'helper_of_nobody',
      'helper_of_nobody',
      'weak_one',
      'nf_hook',
      'nf_init',
      'bpf_prog_6deef7357e7b4530_on_tick',
    ]);
  });

  it('knows no symbol of a module that is not there', () => {
    expect(kernel.symbolAt('ext4', 0)).toBeNull();
  });

  it('answers the same however the text was cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 80 }), (cut) => {
        const other = kernelOf(TEXT, cut);
        expect(other.length).toBe(kernel.length);
        expect(other.symbolAt('nf_tables', 0x1004)).toEqual({
          name: 'nf_init',
          startOffset: 0x1000,
        });
      }),
      { numRuns: 80 },
    );
  });
});

describe('KernelSymbols.restricted', () => {
  it('is true when all addresses are zero, and only then', () => {
    expect(kernelOf('0000000000000000 T _stext\n0000000000000000 t foo\n').restricted).toBe(true);
    expect(kernelOf('').restricted).toBe(false);
    expect(kernelOf(TEXT).restricted).toBe(false);
  });
});

describe('KernelSymbols.malformed', () => {
  it('counts lines that are none of kallsyms, whatever the bytes', () => {
    expect(kernelOf('hello\nffffffff81000000\nffffffff81000000 T f\t{m}\n').malformed).toBe(3);
    const good = Buffer.from(TEXT);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 20 }),
        (edits) => {
          const bytes = Buffer.from(good);
          for (const [at, value] of edits) bytes[at] = value;
          const kernel = new KernelSymbols();
          kernel.add(bytes);
          kernel.finish();
          const { image, offset } = kernel.locate(0xffffffff, 0x81000104);
          expect(Number.isSafeInteger(offset)).toBe(true);
          kernel.symbolAt(image, offset);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('KernelSymbols on this machine', () => {
  const bytes = readFileSync('/proc/kallsyms');
  const started = performance.now();
  const kernel = new KernelSymbols();
  for (let at = 0; at < bytes.length; at += 1 << 20) kernel.add(bytes.subarray(at, at + (1 << 20)));
  kernel.finish();
  const elapsed = performance.now() - started;

  it('agrees with the text for every line of code, unless it is restricted', () => {
    process.stdout.write(`kallsyms: ${kernel.length} symbols in ${elapsed.toFixed(0)} ms\n`);
    const wrong: string[] = [];
    let lines = 0;
    const byAddress = new Map<string, Set<string>>();
    for (const line of bytes.toString('latin1').split('\n')) {
      const match = /^(ffff[0-9a-f]{12}) [tTwW] (\S+)(?:\s+\[(.+)\])?$/.exec(line);
      if (match === null) continue;
      const key = match[1]!;
      const names = byAddress.get(key) ?? new Set();
      byAddress.set(key, names.add(`${match[3] ?? '[kernel]'}/${match[2]!}`));
    }
    for (const [address, names] of byAddress) {
      lines++;
      const high = Number.parseInt(address.slice(0, 8), 16);
      const { image, offset } = kernel.locate(high, Number.parseInt(address.slice(8), 16));
      const symbol = kernel.symbolAt(image, offset);
      if (symbol?.startOffset !== offset || !names.has(`${image}/${symbol.name}`))
        wrong.push(address);
    }
    expect(wrong).toEqual([]);
    expect(kernel.restricted || lines > 10_000).toBe(true);
    expect(kernel.malformed).toBe(0);
    expect(elapsed).toBeLessThan(5000);
  });
});
