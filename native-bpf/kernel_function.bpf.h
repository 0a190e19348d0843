/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Calls of kernel functions. Their stacks are taken when they return: the function, then the
 * callers.
 */
#ifndef EMBERSCOPE_KERNEL_FUNCTION_BPF_H
#define EMBERSCOPE_KERNEL_FUNCTION_BPF_H

#include "function.bpf.h"

/* Of this object alone: what `sp` is differs by mechanism. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct function_calls);
} open_calls SEC(".maps");

/* Interrupts have a stack of their own: depths compare within one, THREAD_SIZE of x86-64. */
#define STACK_SHIFT 14
/* A return is found this near above its entry, bytes. */
#define RETURN_SLACK 256
/* Calls whose return was missed that are looked through for the one that returns. */
#define MAX_MISSED 4

static __always_inline bool same_stack(__u64 a, __u64 b)
{
	return (a ^ b) >> STACK_SHIFT == 0;
}

static __always_inline void enter_kernel_function(__u64 function, __u64 sp)
{
	struct function_call call = {.sp = sp, .function = function, .source = config.source};
	struct function_calls *held;
	__u64 began_ns;
	__u32 lost = 0;

	if (!is_measuring() || !in_target(bpf_get_current_pid_tgid() >> 32) || is_skipped())
		return;
	began_ns = begin_timing();
	held = calls_in(&open_calls, true);
	if (!held)
		return;
	for (__u32 i = 0; i < MAX_OPEN_CALLS && held->depth > 0; i++) {
		const struct function_call *top = CALL_AT(held, held->depth - 1);

		if (!same_stack(top->sp, sp) || top->sp > sp)
			break;
		held->depth--;
		lost++;
	}
	count_lost(lost);
	end_timing(began_ns);
	call.start_ns = bpf_ktime_get_ns();
	push_call(held, &call);
	let_go(held);
}

/* Takes the call that returns; false: its entry was not seen. */
static __always_inline bool pop_kernel_call(__u64 function, __u64 sp, struct function_call *call)
{
	struct function_calls *held = calls_in(&open_calls, false);
	bool found = false;
	__u32 lost = 0;

	if (!held)
		return false;
	for (__u32 i = 0; i < MAX_OPEN_CALLS && held->depth > 0; i++) {
		const struct function_call *top = CALL_AT(held, held->depth - 1);

		if (!same_stack(top->sp, sp) || top->sp + RETURN_SLACK >= sp)
			break;
		held->depth--;
		lost++;
	}
	for (__u32 i = 0; i < MAX_MISSED && i < held->depth; i++) {
		const struct function_call *top = CALL_AT(held, held->depth - 1 - i);

		if (top->function != function || !same_stack(top->sp, sp))
			continue;
		*call = *top;
		held->depth -= 1 + i;
		lost += i;
		found = true;
		break;
	}
	count_lost(lost);
	let_go(held);
	return found;
}

/*
 * The kernel stack of a call that just returned. FROM_CALLER: the kernel's walk begins where the
 * function returns to, and the function is put before it. Else so many leaf frames are the
 * tracer's, and the function is still among those behind.
 */
#define FROM_CALLER 0xffffffffU

static __always_inline void take_stack_of_call(void *ctx, struct event_slot *slot, __u64 function,
					       __u32 own_frames)
{
	struct stack_sample *sample = &slot->record.sample;
	long bytes;

	if (!config.kernel_stacks)
		return;
	if (own_frames != FROM_CALLER) {
		bytes = bpf_get_stack(ctx, slot->record.addresses, STACK_BYTES, own_frames);
	} else {
		slot->record.addresses[0] = function;
		bytes = bpf_get_stack(ctx, &slot->record.addresses[1], STACK_BYTES - sizeof(__u64),
				      0);
		if (bytes >= 0)
			bytes += sizeof(__u64);
	}
	note_kernel_stack(sample, bytes);
}

/* Measures a call at its return. */
static __always_inline void leave_kernel_function(void *ctx, __u64 function, __u64 sp,
						  __u32 own_frames)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct measurement made;
	struct function_call call;
	struct event_slot *slot;

	if (!pop_kernel_call(function, sp, &call))
		return;
	if (is_measuring()) {
		describe_call(&made, &call, now_ns);
		slot = begin_measurement(&made);
		if (slot) {
			take_stack_of_call(ctx, slot, function, own_frames);
			take_user_stack_of_task(ctx, slot);
			send_measurement(slot);
		}
	}
	account_some(now_ns);
}

#endif
