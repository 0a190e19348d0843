/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Time from a function's entry to its return, however it is probed.
 *
 * Each thread has the calls it is in as a stack, with where the machine's stack stood when each
 * began: nested and recursive calls find their own beginning. A call that never returns (longjmp,
 * a return the kernel missed) is noticed by a later one further up the stack, and counted.
 *
 * key: address of the function with OPTION_KEYED, else 0.
 */
#ifndef EMBERSCOPE_FUNCTION_BPF_H
#define EMBERSCOPE_FUNCTION_BPF_H

/* config.options */
#define OPTION_KEYED 1 /* a pattern: tell the functions apart */

/* Calls a thread may be in at once; a power of two. The kernel itself follows 64 in user code. */
#define MAX_OPEN_CALLS 64

struct function_call {
	__u64 start_ns;
	__u64 sp;	      /* where the stack stood at the entry */
	__u64 function;	      /* address of its first instruction */
	__u64 return_address; /* user code: what the kernel replaced by its own */
	__u32 source;
	__u32 reserved;
};
struct function_calls {
	__u32 depth;
	__u32 busy; /* being changed: an interrupt may call functions too */
	struct function_call calls[MAX_OPEN_CALLS];
};

#define CALL_AT(held, index) (&(held)->calls[(index) & (MAX_OPEN_CALLS - 1)])

static __always_inline void count_lost(__u32 calls)
{
	struct cpu_counters *counters = this_cpu_counters();

	if (counters && calls)
		__sync_fetch_and_add(&counters->starts_lost, calls);
}

/* The current thread's calls; 0: none are known. */
static __always_inline struct function_calls *calls_in(void *map, bool create)
{
	struct function_calls *held = bpf_task_storage_get(
		map, bpf_get_current_task_btf(), 0, create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);

	if (held && __sync_val_compare_and_swap(&held->busy, 0, 1) == 0)
		return held;
	if (create)
		COUNT(starts_lost);
	return 0;
}

static __always_inline void let_go(struct function_calls *held)
{
	held->busy = 0;
}

/* Notes a call. */
static __always_inline void push_call(struct function_calls *held, const struct function_call *call)
{
	__u32 depth = held->depth;

	if (depth >= MAX_OPEN_CALLS) {
		COUNT(starts_lost);
		return;
	}
	*CALL_AT(held, depth) = *call;
	held->depth = depth + 1;
}

static __always_inline __u64 key_of(const struct function_call *call)
{
	return config.options & OPTION_KEYED ? call->function : 0;
}

/* A call that just returned, of the current thread. */
static __always_inline void describe_call(struct measurement *made,
					  const struct function_call *call, __u64 now_ns)
{
	made->now_ns = now_ns;
	made->value = now_ns > call->start_ns ? now_ns - call->start_ns : 0;
	made->key = key_of(call);
	made->source = config.source;
}

#endif
