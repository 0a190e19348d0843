// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * System calls: how long each takes, by number and outcome.
 *
 * A thread's call begins in its task storage and is measured where it returns, with the stacks it
 * was made from. key: number of the call in the low half, errno (0: it succeeded) in the high half.
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

#define MAX_ERRNO 4095

struct open_call {
	__u64 start_ns; /* 0: none is under way */
	__u64 number;
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct open_call);
} open_calls SEC(".maps");

SEC("raw_tp/sys_enter")
int on_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct open_call *call;
	__u64 began_ns;

	if (!is_measuring() || !in_target(bpf_get_current_pid_tgid() >> 32) || is_skipped())
		return 0;
	began_ns = begin_timing();
	call = bpf_task_storage_get(&open_calls, bpf_get_current_task_btf(), 0,
				    BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!call) {
		COUNT(starts_lost);
		return 0;
	}
	call->number = ctx->args[1];
	/* Before the start: what a call takes is not to hold our own time. */
	end_timing(began_ns);
	call->start_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("raw_tp/sys_exit")
int on_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct open_call *call;
	__s64 result = ctx->args[1];
	struct measurement made;
	struct event_slot *slot;

	call = bpf_task_storage_get(&open_calls, bpf_get_current_task_btf(), 0, 0);
	if (!call || call->start_ns == 0)
		return 0;
	if (is_measuring() && now_ns > call->start_ns) {
		made.now_ns = now_ns;
		made.value = now_ns - call->start_ns;
		made.key = (__u32)call->number;
		if (result < 0 && result >= -MAX_ERRNO)
			made.key |= (__u64)-result << 32;
		made.source = config.source;
		/* All calls end alike inside the kernel: their callers tell them apart. */
		slot = begin_measurement(&made);
		if (slot) {
			take_user_stack_of_task(ctx, slot);
			send_measurement(slot);
		}
	}
	call->start_ns = 0;
	account_some(now_ns);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
