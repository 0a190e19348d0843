// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * One kernel function by fentry and fexit: the cheapest way, for functions the kernel's BTF knows.
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

/* Leaf frames: this program and the trampoline that runs it; then comes the function. */
#define OWN_FRAMES 2

/*
 * The trampoline keeps the context on the stack, below its caller's frame: where it is tells how
 * deep we are. As a number: the verifier lets nobody calculate with the pointer.
 */
static __always_inline __u64 depth_of(void *ctx)
{
	void *volatile place = ctx;
	__u64 number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), (const void *)&place);
	return number;
}

SEC("fentry")
int on_entry(void *ctx)
{
	enter_kernel_function(bpf_get_func_ip(ctx), depth_of(ctx));
	return 0;
}

SEC("fexit")
int on_return(void *ctx)
{
	leave_kernel_function(ctx, bpf_get_func_ip(ctx), depth_of(ctx), OWN_FRAMES);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
