// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Traces: every event of one probe with its fields and stacks, as a list.
 *
 * The payload of a tracepoint's event is the start of its record as the format file lays it out; of
 * a call or a USDT probe the fields that trace_arguments tells the places of. An event at a return
 * has the arguments the call was made with, what it returned and how long it took. A filter is a
 * short program in postfix order. Both lists are written by the helper.
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
#define ARGUMENTS    (config.parameters[3]) /* fields of a call */

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

/* Fields of a call. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_ARGUMENTS);
	__type(key, __u32);
	__type(value, struct trace_argument);
} trace_arguments SEC(".maps");

/* Calls a thread may be in at once, where events are sent at their return; a power of two. */
#define MAX_OPEN_CALLS 16
/* A return is found this near above its entry, bytes; user code pops its address alone. */
#define KERNEL_SLACK 256
#define USER_SLACK   16

struct traced_call {
	__u64 sp; /* where the stack stood at the entry */
	__u64 start_ns;
	__u64 arguments[6];
};
struct traced_calls {
	__u32 depth;
	__u32 busy; /* being changed: an interrupt may call functions too */
	struct traced_call calls[MAX_OPEN_CALLS];
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct traced_calls);
} trace_calls SEC(".maps");

/* What an event carries, put together before it is known to be wanted. */
struct trace_payload {
	__u8 bytes[MAX_PAYLOAD];
	__u64 registers[REGISTER_WORDS]; /* of a call; REGISTER_NONE stays zero */
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

/* Of a loop over the filter or the arguments. */
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

/*
 * The text at an address: the kernel's addresses are those with the highest bit set. An own program
 * chooses its arguments itself: with it nobody is to read the kernel's memory.
 */
static __always_inline void take_text(__u8 *to, __u64 address)
{
	bool is_kernel = address >> 63 && config.own_uid == ANY_UID;
	long bytes = is_kernel ? bpf_probe_read_kernel_str(to, ARGUMENT_TEXT_BYTES,
							       (const void *)address)
				   : bpf_probe_read_user_str(to, ARGUMENT_TEXT_BYTES,
							     (const void *)address);

	if (bytes < 0)
		to[0] = 0;
}

/* Puts one field into the payload. */
static long take_argument(__u32 index, struct filter_context *context)
{
	struct trace_argument *argument = bpf_map_lookup_elem(&trace_arguments, &index);
	__u32 key = context->payload;
	struct trace_payload *payload = bpf_map_lookup_elem(&trace_payloads, &key);
	__u64 address, value = 0;

	if (!argument || !payload)
		return 1; /* cannot be: indexes of arrays */
	address = payload->registers[argument->base & (REGISTER_WORDS - 1)] +
		  (payload->registers[argument->scaled & (REGISTER_WORDS - 1)]
		   << (argument->shift & 3)) +
		  argument->displacement;
	if (argument->place == ARGUMENT_TEXT) {
		take_text(payload->bytes + (argument->offset & (MAX_PAYLOAD - 1) &
					    ~(ARGUMENT_TEXT_BYTES - 1U)),
			  address);
		return 0;
	}
	if (argument->place == ARGUMENT_VALUE)
		value = address;
	else if (argument->size <= sizeof(value))
		bpf_probe_read_user(&value, argument->size, (const void *)address);
	*(__u64 *)(payload->bytes + (argument->offset & (MAX_PAYLOAD - 1) & ~7U)) = value;
	return 0;
}

static __always_inline void take_arguments(__u32 payload)
{
	struct filter_context context = {.payload = payload};

	bpf_loop(ARGUMENTS & (2 * MAX_ARGUMENTS - 1), take_argument, &context, 0);
}

/* The argument registers of a call, in their order: System V psABI. */
#define FOR_EACH_ARGUMENT(DO) DO(0, rdi) DO(1, rsi) DO(2, rdx) DO(3, rcx) DO(4, r8) DO(5, r9)
#define WORD_OF(field)	      (offsetof(struct user_registers, field) / sizeof(__u64))

/* The current thread's calls; 0: none are known. */
static __always_inline struct traced_calls *calls_in(bool create)
{
	struct traced_calls *held =
		bpf_task_storage_get(&trace_calls, bpf_get_current_task_btf(), 0,
				     create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);

	if (held && __sync_val_compare_and_swap(&held->busy, 0, 1) == 0)
		return held;
	if (create)
		COUNT(starts_lost);
	return 0;
}

/* Call number `index`. The compiler must not know the mask to be needless: Linux 6.1 does not. */
static __always_inline struct traced_call *call_at(struct traced_calls *held, __u32 index)
{
	asm volatile("" : "+r"(index));
	return &held->calls[index & (MAX_OPEN_CALLS - 1)];
}

/* Interrupts have a kernel stack of their own: depths compare within one, THREAD_SIZE of x86-64. */
#define STACK_SHIFT 14

static __always_inline bool same_stack(__u64 a, __u64 b)
{
	return !(a >> 63) || (a ^ b) >> STACK_SHIFT == 0;
}

/* Takes away calls that were left without a return: those that began at or below `sp`. */
static __always_inline void forget_calls(struct traced_calls *held, __u64 sp)
{
	for (__u32 i = 0; i < MAX_OPEN_CALLS && held->depth > 0; i++) {
		const struct traced_call *top = call_at(held, held->depth - 1);

		if (!same_stack(top->sp, sp) || top->sp > sp)
			break;
		held->depth--;
		COUNT(starts_lost);
	}
}

/* Notes with what a call was made. */
static __always_inline int note_call(void *ctx)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct user_registers saved;
	struct traced_calls *held;
	struct traced_call *call;

	if (!is_measuring() || !in_target(bpf_get_current_pid_tgid() >> 32))
		return 0;
	held = calls_in(true);
	if (!held)
		return 0;
	take_context_registers(ctx, &saved);
	forget_calls(held, saved.rsp);
	if (held->depth < MAX_OPEN_CALLS) {
		call = call_at(held, held->depth);
		call->sp = saved.rsp;
		call->start_ns = now_ns;
#define NOTE(index, field) call->arguments[index] = saved.field;
		FOR_EACH_ARGUMENT(NOTE)
#undef NOTE
		held->depth++;
	} else {
		COUNT(starts_lost);
	}
	held->busy = 0;
	account(now_ns);
	return 0;
}

/* Puts the registers of a call that returns as they were when it began; false: nobody knows. */
static __always_inline bool recall(struct trace_payload *payload, __u64 now_ns, __u32 slack)
{
	struct traced_calls *held = calls_in(false);
	__u64 sp = payload->registers[WORD_OF(rsp)];
	bool found = false;

	if (!held)
		return false;
	forget_calls(held, sp - slack);
	if (held->depth > 0) {
		const struct traced_call *call = call_at(held, held->depth - 1);

		if (same_stack(call->sp, sp) && call->sp < sp) {
#define RECALL(index, field) payload->registers[WORD_OF(field)] = call->arguments[index];
			FOR_EACH_ARGUMENT(RECALL)
#undef RECALL
			payload->registers[REGISTER_TOOK] = now_ns - call->start_ns;
			held->depth--;
			found = true;
		}
	}
	held->busy = 0;
	return found;
}

/* slack: 0 at an entry, else how far above its entry a return may be found. */
static __always_inline int trace_call(void *ctx, bool is_user, __u32 slack)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct trace_payload *payload;
	struct event_slot *slot;
	__u32 index;

	if (!is_measuring() || !in_target(bpf_get_current_pid_tgid() >> 32))
		return 0;
	slot = take_slot();
	if (!slot)
		return 0;
	index = slot->index;
	payload = bpf_map_lookup_elem(&trace_payloads, &index);
	if (!payload)
		goto out; /* cannot be: an index of the array */
	/* Not by way of the stack: there is no room for them twice. */
	take_context_registers(ctx, (void *)payload->registers);
	if (slack && !recall(payload, now_ns, slack))
		goto out;
	COUNT(events);
	take_arguments(index);
	if (!passes_filter(index))
		goto out;
	if (within_budget(now_ns)) {
		begin_event(slot, config.source, now_ns);
		if (config.options & OPTION_STACKS) {
			if (is_user) {
				take_user_stack_of_context(ctx, slot);
			} else {
				take_kernel_stack(ctx, slot);
				take_user_stack_of_task(ctx, slot);
			}
		}
		send_trace(slot, payload, RECORD_BYTES & (2 * MAX_PAYLOAD - 1));
	} else {
		COUNT(rate_limited);
	}
out:
	give_back(slot);
	account(now_ns);
	return 0;
}

SEC("kprobe")
int on_kernel_call(void *ctx)
{
	return trace_call(ctx, false, 0);
}

SEC("kprobe")
int note_kernel_call(void *ctx)
{
	return note_call(ctx);
}

SEC("kretprobe")
int on_kernel_return(void *ctx)
{
	return trace_call(ctx, false, KERNEL_SLACK);
}

SEC("kprobe")
int on_user_call(void *ctx)
{
	return trace_call(ctx, true, 0);
}

SEC("kprobe")
int note_user_call(void *ctx)
{
	return note_call(ctx);
}

SEC("kretprobe")
int on_user_return(void *ctx)
{
	return trace_call(ctx, true, USER_SLACK);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
