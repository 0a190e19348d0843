// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * A stack for every so many occurrences of an event.
 *
 * Perf events count by themselves and run on_overflow at each period's end; occurrences of a
 * tracepoint are counted here, by CPU. weight and value: the occurrences a record stands for.
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

/* config.parameters */
#define PERIOD (config.parameters[0])

/* Occurrences since the last record, of this CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} occurrences SEC(".maps");

static __always_inline bool is_due(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&occurrences, &zero);

	if (!count || __sync_fetch_and_add(count, 1) + 1 < PERIOD)
		return false;
	*count = 0;
	return true;
}

static __always_inline void record_occurrence(void *ctx, __u64 now_ns)
{
	struct event_slot *slot;

	COUNT(events);
	slot = take_slot();
	if (!slot)
		return;
	begin_event(slot, config.source, now_ns);
	slot->record.sample.weight = PERIOD;
	slot->record.sample.value = PERIOD;
	take_kernel_stack(ctx, slot);
	take_user_stack_of_task(ctx, slot);
	send_event(slot, RECORD_SAMPLE);
	give_back(slot);
}

SEC("tracepoint")
int on_tracepoint(void *ctx)
{
	__u64 now_ns = bpf_ktime_get_ns();

	if (!is_measuring() || !in_target(bpf_get_current_pid_tgid() >> 32) || !is_due())
		return 0;
	record_occurrence(ctx, now_ns);
	account(now_ns);
	return 0;
}

SEC("perf_event")
int on_overflow(void *ctx)
{
	__u64 now_ns = bpf_ktime_get_ns();

	if (!is_measuring() || !in_target(bpf_get_current_pid_tgid() >> 32))
		return 0;
	record_occurrence(ctx, now_ns);
	account(now_ns);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
