import { libbpf } from '../ffi/libbpf.ts';

/** include/uapi/linux/bpf.h: enum bpf_prog_type, enum bpf_func_id. */
const BPF_PROG_TYPE_KPROBE = 2;
const BPF_FUNC_LOOP = 181;

let known: boolean | undefined;

/** Whether programs may call bpf_loop(): tried out, by loading one that does. */
export function hasLoops(): boolean {
  if (known !== undefined) return known;
  const library = libbpf();
  // What goes wrong otherwise is told when an object is loaded.
  known =
    !library.ok ||
    library.value.libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_LOOP, null) !== 0;
  return known;
}
