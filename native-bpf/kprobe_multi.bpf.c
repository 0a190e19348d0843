// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Kernel functions by kprobe.multi: one attachment for any number of functions (Linux 5.18).
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "wire.h"
#include "event.bpf.h"
#include "kernel_function.bpf.h"

static __always_inline __u64 stack_pointer(void *ctx)
{
	return ((volatile __u64 *)ctx)[offsetof(struct user_registers, rsp) / 8];
}

SEC("kprobe.multi")
int on_entry(void *ctx)
{
	enter_kernel_function(bpf_get_func_ip(ctx), stack_pointer(ctx));
	return 0;
}

SEC("kretprobe.multi")
int on_return(void *ctx)
{
	leave_kernel_function(ctx, bpf_get_func_ip(ctx), stack_pointer(ctx), FROM_CALLER);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
