// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Traces: every event of one probe with its fields and stacks, as a list.
 *
 * The payload of a tracepoint's event is the start of its record as the format file lays it out; of
 * a function's call its argument registers, and at a return the value returned. A filter is a short
 * program in postfix order, put into trace_filter by the helper.
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
#define RECORD_BYTES (config.parameters[0]) /* of a record to copy, a multiple of 8 */
#define FILTER_STEPS (config.parameters[1])
#define PER_SECOND   (config.parameters[2])

/* config.options */
#define OPTION_STACKS 1

/* Steps of the filter. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_FILTER_STEPS);
	__type(key, __u32);
	__type(value, struct trace_step);
} trace_filter SEC(".maps");

/* Events of the current second; key: 0. */
struct second_budget {
	__u64 second; /* CLOCK_MONOTONIC, s */
	__u64 events;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct second_budget);
} trace_budget SEC(".maps");

/* What an event carries, put together before it is known to be wanted. */
struct trace_payload {
	__u8 bytes[MAX_PAYLOAD];
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_SLOTS);
	__type(key, __u32);
	__type(value, struct trace_payload);
} trace_payloads SEC(".maps");

static __always_inline bool within_budget(__u64 now_ns)
{
	__u64 second = now_ns / SLICE_NS;
	struct second_budget *budget;
	__u32 zero = 0;

	budget = bpf_map_lookup_elem(&trace_budget, &zero);
	if (!budget)
		return false; /* cannot be: an array of one */
	if (budget->second != second) {
		/* Two CPUs may both begin the second: then some events more are let through. */
		budget->second = second;
		budget->events = 0;
	}
	return __sync_fetch_and_add(&budget->events, 1) < PER_SECOND;
}

static __always_inline bool compare_numbers(const struct trace_step *step, __u64 found)
{
	__s64 left = found, right = step->value;

	switch (step->compare) {
	case COMPARE_EQUAL:
		return found == step->value;
	case COMPARE_NOT_EQUAL:
		return found != step->value;
	case COMPARE_LESS:
		return step->is_signed ? left < right : found < step->value;
	case COMPARE_LESS_EQUAL:
		return step->is_signed ? left <= right : found <= step->value;
	case COMPARE_BITS:
		return (found & step->value) != 0;
	default:
		return false;
	}
}

/* A field's number, extended to 64 bits. */
static __always_inline __u64 number_at(const struct trace_payload *payload,
				       const struct trace_step *step)
{
	const __u8 *at = payload->bytes + (step->offset & (MAX_PAYLOAD - 1) & ~7U);
	__u32 shift = (step->offset & 7) * 8;
	__u64 word = *(const __u64 *)at >> shift;

	switch (step->size) {
	case 1:
		return step->is_signed ? (__u64)(__s64)(__s8)word : (__u8)word;
	case 2:
		return step->is_signed ? (__u64)(__s64)(__s16)word : (__u16)word;
	case 4:
		return step->is_signed ? (__u64)(__s64)(__s32)word : (__u32)word;
	default:
		return word;
	}
}

/* Whether a text field is, or with COMPARE_LESS begins with, the step's text. */
static __always_inline bool compare_text(const struct trace_payload *payload,
					 const struct trace_step *step)
{
	__u32 offset = step->offset & (MAX_PAYLOAD - 1);

	for (__u32 i = 0; i < FILTER_TEXT; i++) {
		__u32 at = (offset + i) & (MAX_PAYLOAD - 1);
		__u8 found = payload->bytes[at], wanted = step->text[i];

		if (i >= step->size || wanted == 0) {
			if (step->compare == COMPARE_LESS)
				return true;
			return (i >= step->size || found == 0) == (step->compare == COMPARE_EQUAL);
		}
		if (found != wanted)
			return step->compare == COMPARE_NOT_EQUAL;
	}
	return step->compare != COMPARE_NOT_EQUAL;
}

struct filter_context {
	__u32 payload;
	__u32 stack; /* outcomes so far, the latest in bit 0 */
};

static long filter_step(__u32 index, struct filter_context *context)
{
	struct trace_step *step = bpf_map_lookup_elem(&trace_filter, &index);
	__u32 key = context->payload, outcome, second;
	struct trace_payload *payload = bpf_map_lookup_elem(&trace_payloads, &key);

	if (!step || !payload)
		return 1; /* cannot be: indexes of arrays */
	switch (step->kind) {
	case FILTER_NUMBER:
		outcome = compare_numbers(step, number_at(payload, step));
		context->stack = context->stack << 1 | outcome;
		break;
	case FILTER_STRING:
		outcome = compare_text(payload, step);
		context->stack = context->stack << 1 | outcome;
		break;
	case FILTER_NOT:
		context->stack ^= 1;
		break;
	default:
		outcome = context->stack & 1;
		second = context->stack >> 1 & 1;
		outcome = step->kind == FILTER_AND ? (outcome & second) : (outcome | second);
		context->stack = (context->stack >> 2) << 1 | outcome;
	}
	return 0;
}

static __always_inline bool passes_filter(__u32 payload)
{
	struct filter_context context = {.payload = payload, .stack = 0};

	if (FILTER_STEPS == 0)
		return true;
	bpf_loop(FILTER_STEPS & (MAX_FILTER_STEPS - 1), filter_step, &context, 0);
	return context.stack & 1;
}

/* Sends an event whose payload is ready. */
static __always_inline void send_trace(struct event_slot *slot, struct trace_payload *payload,
				       __u32 bytes)
{
	struct stack_sample *sample = &slot->record.sample;
	__u32 frames = sample->kernel_frames + sample->user_frames;
	struct cpu_counters *counters = this_cpu_counters();

	if (!counters || frames > 2 * MAX_STACK_DEPTH || bytes > MAX_PAYLOAD)
		return; /* cannot be: tells the verifier the bounds */
	sample->kind = RECORD_EVENT;
	sample->payload = bytes;
	count_shortfalls(counters, sample->flags);
	__sync_fetch_and_add(&counters->samples, 1);
	bpf_probe_read_kernel(&slot->record.addresses[frames], MAX_PAYLOAD, payload);
	if (bpf_ringbuf_output(&samples, &slot->record,
			       sizeof(struct stack_sample) + frames * sizeof(__u64) + bytes,
			       BPF_RB_NO_WAKEUP) != 0)
		__sync_fetch_and_add(&counters->ring_full, 1);
}

static __always_inline bool is_wanted(__u64 now_ns)
{
	if (!is_measuring() || !in_target(bpf_get_current_pid_tgid() >> 32))
		return false;
	(void)now_ns;
	COUNT(events);
	return true;
}

SEC("tracepoint")
int on_tracepoint(void *ctx)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct trace_payload *payload;
	struct event_slot *slot;
	__u32 index;

	if (!is_wanted(now_ns))
		return 0;
	slot = take_slot();
	if (!slot)
		return 0;
	index = slot->index;
	payload = bpf_map_lookup_elem(&trace_payloads, &index);
	if (payload && bpf_probe_read_kernel(payload, MAX_PAYLOAD, ctx) == 0 &&
	    passes_filter(index)) {
		if (within_budget(now_ns)) {
			begin_event(slot, config.source, now_ns);
			if (config.options & OPTION_STACKS) {
				take_kernel_stack(ctx, slot);
				take_user_stack_of_task(ctx, slot);
			}
			send_trace(slot, payload, RECORD_BYTES & (2 * MAX_PAYLOAD - 1));
		} else {
			COUNT(rate_limited);
		}
	}
	give_back(slot);
	account(now_ns);
	return 0;
}

/* The argument registers of a call (psABI), or the value it returned. */
static __always_inline void take_arguments(const struct user_registers *saved, bool is_return,
					   struct trace_payload *payload)
{
	__u64 *words = (__u64 *)payload->bytes;

	words[0] = is_return ? saved->rax : saved->rdi;
	words[1] = saved->rsi;
	words[2] = saved->rdx;
	words[3] = saved->rcx;
	words[4] = saved->r8;
	words[5] = saved->r9;
}
#define CALL_BYTES   48
#define RETURN_BYTES 8

static __always_inline int trace_call(void *ctx, bool is_user, bool is_return)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct trace_payload *payload;
	struct user_registers saved;
	struct event_slot *slot;
	__u32 index;

	if (!is_wanted(now_ns))
		return 0;
	slot = take_slot();
	if (!slot)
		return 0;
	index = slot->index;
	payload = bpf_map_lookup_elem(&trace_payloads, &index);
	if (payload) {
		take_context_registers(ctx, &saved);
		take_arguments(&saved, is_return, payload);
		if (!passes_filter(index)) {
			/* Not asked for. */
		} else if (within_budget(now_ns)) {
			begin_event(slot, config.source, now_ns);
			if (config.options & OPTION_STACKS) {
				if (is_user) {
					take_user_stack_of_context(ctx, slot);
				} else {
					take_kernel_stack(ctx, slot);
					take_user_stack_of_task(ctx, slot);
				}
			}
			send_trace(slot, payload, is_return ? RETURN_BYTES : CALL_BYTES);
		} else {
			COUNT(rate_limited);
		}
	}
	give_back(slot);
	account(now_ns);
	return 0;
}

SEC("kprobe")
int on_kernel_call(void *ctx)
{
	return trace_call(ctx, false, false);
}

SEC("kprobe")
int on_user_call(void *ctx)
{
	return trace_call(ctx, true, false);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
