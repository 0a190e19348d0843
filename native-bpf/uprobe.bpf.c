// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Calls of a function of a program or library, by uprobe and uretprobe.
 *
 * The kernel makes a probed function return to a page of its own, [uprobes]: on the stack the
 * address of the caller is gone. It was noted at the entry, for all probed functions of a thread in
 * one place, and a walk up the stack puts it back.
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "wire.h"

struct event_slot;
static inline void put_return_back(struct event_slot *slot);
#define AFTER_STEP(slot) put_return_back(slot)
#include "event.bpf.h"
#include "function.bpf.h"

/* One for all functions of user code: shared by name. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct function_calls);
} user_calls SEC(".maps");

#define RETURN_BYTES 8
#define PAGE_OFFSET  0xfff

/* A function that returns to [uprobes], which begins a page, was jumped to from a probed one. */
static __always_inline bool is_chained(__u64 return_address)
{
	return (return_address & PAGE_OFFSET) == 0;
}

/* Of the frame a step just led to: where it really stands, if the kernel put its page there. */
static __always_inline void put_return_back(struct event_slot *slot)
{
	struct function_calls *held;
	struct unwind_walk *walk = &slot->walk;
	__u64 at = walk->registers[REG_RSP] - RETURN_BYTES;

	if (!is_chained(walk->pc))
		return;
	held = bpf_task_storage_get(&user_calls, bpf_get_current_task_btf(), 0, 0);
	if (!held)
		return;
	for (__u32 i = 0; i < MAX_OPEN_CALLS; i++) {
		const struct function_call *call = CALL_AT(held, i);

		if (i >= held->depth)
			break;
		if (call->sp == at) {
			walk->pc = call->return_address;
			break;
		}
	}
}

/* Whether the newest call cannot be under way when another is entered. */
static __always_inline bool is_over(const struct function_call *top,
				    const struct function_call *entered)
{
	if (top->sp != entered->sp)
		return top->sp < entered->sp;
	if (is_chained(entered->return_address))
		return false;
	return top->source == entered->source || top->function != entered->function;
}

SEC("uprobe")
int on_entry(void *ctx)
{
	struct user_registers saved;
	struct function_call call = {.source = config.source};
	struct function_calls *held;
	__u64 began_ns;
	__u32 lost = 0;

	if (!is_measuring() || !in_target(bpf_get_current_pid_tgid() >> 32) || is_skipped())
		return 0;
	began_ns = begin_timing();
	take_context_registers(ctx, &saved);
	call.sp = saved.rsp;
	call.function = saved.rip;
	if (!read_user(&call.return_address, sizeof(__u64), saved.rsp)) {
		COUNT(starts_lost);
		return 0;
	}
	held = calls_in(&user_calls, true);
	if (!held)
		return 0;
	for (__u32 i = 0; i < MAX_OPEN_CALLS && held->depth > 0; i++) {
		if (!is_over(CALL_AT(held, held->depth - 1), &call))
			break;
		held->depth--;
		lost++;
	}
	count_lost(lost);
	if (held->depth > 0 && is_chained(call.return_address)) {
		const struct function_call *top = CALL_AT(held, held->depth - 1);

		if (top->sp == call.sp)
			call.return_address = top->return_address;
	}
	end_timing(began_ns);
	call.start_ns = bpf_ktime_get_ns();
	push_call(held, &call);
	let_go(held);
	return 0;
}

/* Takes the call that returns; false: its entry was not seen. */
static __always_inline bool pop_user_call(__u64 sp, struct function_call *call)
{
	struct function_calls *held = calls_in(&user_calls, false);
	bool found = false;
	__u32 lost = 0;

	if (!held)
		return false;
	for (__u32 i = 0; i < MAX_OPEN_CALLS && held->depth > 0; i++) {
		const struct function_call *top = CALL_AT(held, held->depth - 1);

		if (top->sp + RETURN_BYTES >= sp)
			break;
		held->depth--;
		lost++;
	}
	/* Several return at one place: jumped into, or measured by several sources. In any order.
	 */
	for (__u32 i = 0; i < MAX_OPEN_CALLS && i < held->depth; i++) {
		struct function_call *at = CALL_AT(held, held->depth - 1 - i);

		if (at->sp >= sp || at->sp + RETURN_BYTES < sp)
			break;
		if (at->source != config.source)
			continue;
		*call = *at;
		*at = *CALL_AT(held, held->depth - 1);
		held->depth--;
		found = true;
		break;
	}
	count_lost(lost);
	let_go(held);
	return found;
}

/* Along frame pointers, as the kernel walks: beyond the next probed function nothing is sure. */
static __always_inline void take_callers_by_fp(void *ctx, struct event_slot *slot)
{
	struct stack_sample *sample = &slot->record.sample;
	long bytes = bpf_get_stack(ctx, &slot->record.addresses[1], STACK_BYTES - sizeof(__u64),
				   BPF_F_USER_STACK);

	if (bytes <= 0) {
		sample->flags |= SAMPLE_USER_MISSED;
		bytes = 0;
	}
	if (bytes >= (long)(STACK_BYTES - sizeof(__u64)))
		sample->flags |= SAMPLE_USER_TRUNCATED;
	sample->user_frames = 1 + ((__u64)bytes / sizeof(__u64) & (MAX_STACK_DEPTH));
}

/* The function as the leaf, then its callers from the place it returns to. */
static __always_inline void take_callers(void *ctx, struct event_slot *slot,
					 const struct function_call *call)
{
	struct user_registers saved;

	if (!config.user_stacks)
		return;
	slot->record.addresses[0] = call->function;
	slot->record.sample.user_frames = 1;
	take_context_registers(ctx, &saved);
	saved.rip = call->return_address;
	if (config.unwind == UNWIND_MODE_FP || !walk_callers(slot, &saved))
		take_callers_by_fp(ctx, slot);
}

SEC("uretprobe")
int on_return(void *ctx)
{
	__u64 now_ns = bpf_ktime_get_ns();
	__u64 sp = ((volatile __u64 *)ctx)[offsetof(struct user_registers, rsp) / 8];
	/* Set, or Linux 6.1 refuses what the compiler keeps of it on the way where there is no call. */
	struct function_call call = {};
	struct measurement made;
	struct event_slot *slot;

	if (!pop_user_call(sp, &call))
		return 0;
	if (is_measuring()) {
		describe_call(&made, &call, now_ns);
		slot = begin_measurement(&made);
		if (slot) {
			take_callers(ctx, slot, &call);
			send_measurement(slot);
		}
	}
	account_some(now_ns);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
