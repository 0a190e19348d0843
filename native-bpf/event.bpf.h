/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What latency sources and traces share: a place to put a record together, the current thread's
 * stacks in it, and the histograms of those too frequent to be recorded one by one.
 *
 * Programs that include this run in task or interrupt context, may be interrupted by one another,
 * and are built for -mcpu=v3 (atomics that return a value, Linux 5.12).
 */
#ifndef EMBERSCOPE_EVENT_BPF_H
#define EMBERSCOPE_EVENT_BPF_H

#include "capture.bpf.h"
#include "unwind.bpf.h"

/* As deep as programs of one object interrupt one another on a CPU: task, soft and hard interrupt.
 */
#define EVENT_SLOTS 4

/* A record being put together, and the walk up its user stack. */
struct event_slot {
	struct sample_record record;
	__u64 room[MAX_PAYLOAD / 8]; /* for what follows the addresses of the record */
	struct unwind_walk walk;
	__u32 busy;
	__u32 index;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_SLOTS);
	__type(key, __u32);
	__type(value, struct event_slot);
} event_slots SEC(".maps");

/* Counts of values by bucket; even and odd slices take turns, the helper empties the other one. */
struct histogram_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set by the helper */
	__type(key, struct histogram_key);
	__type(value, struct histogram_value);
};
struct histogram_map histogram_even SEC(".maps");
struct histogram_map histogram_odd SEC(".maps");

#define COUNT(field)                                                                               \
	do {                                                                                       \
		struct cpu_counters *row = this_cpu_counters();                                    \
		if (row)                                                                           \
			__sync_fetch_and_add(&row->field, 1);                                      \
	} while (0)

/* Nothing is measured before the session has a start, nor after its end. */
static __always_inline bool is_measuring(void)
{
	return *(volatile __u64 *)&state.start_ns != 0;
}

/*
 * Whether a call is passed over because our own cost passed the user's limit: decided where it
 * begins, at random, so that those measured stand for all.
 */
static __always_inline bool is_skipped(void)
{
	__u32 backoff = *(volatile __u32 *)&state.backoff;

	if (backoff == 0 || (bpf_get_prandom_u32() & ((1U << (backoff & 31)) - 1)) == 0)
		return false;
	COUNT(skipped);
	return true;
}

static __always_inline struct event_slot *take_slot(void)
{
	for (__u32 index = 0; index < EVENT_SLOTS; index++) {
		__u32 key = index;
		struct event_slot *slot = bpf_map_lookup_elem(&event_slots, &key);

		if (slot && __sync_val_compare_and_swap(&slot->busy, 0, 1) == 0) {
			slot->index = index;
			return slot;
		}
	}
	COUNT(busy);
	return 0;
}

static __always_inline void give_back(struct event_slot *slot)
{
	slot->busy = 0;
}

/* Begins a record of the current thread; no stacks yet. */
static __always_inline void begin_event(struct event_slot *slot, __u32 source, __u64 now_ns)
{
	struct stack_sample *sample = &slot->record.sample;
	__u64 id = bpf_get_current_pid_tgid();

	__builtin_memset(sample, 0, sizeof(*sample));
	sample->time_ns = now_ns;
	sample->cgroup_id = bpf_get_current_cgroup_id();
	sample->tgid = id >> 32;
	sample->pid = (__u32)id;
	sample->cpu = bpf_get_smp_processor_id();
	sample->weight = 1;
	sample->source = source;
}

/* Notes a kernel stack that the kernel wrote at the start of the addresses; bytes < 0: it did not.
 */
static __always_inline void note_kernel_stack(struct stack_sample *sample, long bytes)
{
	if (bytes < 0) {
		sample->flags |= SAMPLE_KERNEL_MISSED;
		bytes = 0;
	}
	if (bytes >= (long)STACK_BYTES) {
		sample->flags |= SAMPLE_KERNEL_TRUNCATED;
		bytes = STACK_BYTES;
	}
	sample->kernel_frames = bytes / sizeof(__u64);
}

/* The current thread's kernel stack. */
static __always_inline void take_kernel_stack(void *ctx, struct event_slot *slot)
{
	if (config.kernel_stacks)
		note_kernel_stack(&slot->record.sample,
				  bpf_get_stack(ctx, slot->record.addresses, STACK_BYTES, 0));
}

/* What an object has to do when a walk has reached the next frame. */
#ifndef AFTER_STEP
#define AFTER_STEP(slot)
#endif

struct walk_context {
	__u32 slot;
	__u32 stop;
};

/* One frame of the user stack; 1 ends bpf_loop(). */
static long walk_frame(__u32 turn, struct walk_context *context)
{
	__u32 index = context->slot, frames, kernel_frames;
	struct event_slot *slot = bpf_map_lookup_elem(&event_slots, &index);

	(void)turn;
	if (!slot)
		return 1; /* cannot be: an index of the array */
	frames = slot->record.sample.user_frames;
	kernel_frames = slot->record.sample.kernel_frames & 127;
	if (frames >= MAX_STACK_DEPTH) {
		context->stop = UNWIND_DEPTH;
		return 1;
	}
	slot->record.addresses[kernel_frames + frames] = slot->walk.pc;
	slot->record.sample.user_frames = frames + 1;
	context->stop = step(&slot->walk);
	AFTER_STEP(slot);
	return context->stop != STEP_ON;
}

/* Walks on from where slot->walk stands. */
static __always_inline void walk_on(struct event_slot *slot)
{
	struct walk_context context = {.slot = slot->index, .stop = STEP_ON};
	struct cpu_counters *counters = this_cpu_counters();
	struct stack_sample *sample = &slot->record.sample;

	bpf_loop(MAX_STACK_DEPTH + 1, walk_frame, &context, 0);
	if (context.stop == STEP_ON)
		context.stop = UNWIND_STEP_LIMIT;
	sample->flags |= context.stop << SAMPLE_UNWIND_SHIFT;
	if (counters && context.stop < UNWIND_STOPS)
		__sync_fetch_and_add(&counters->unwind_stops[context.stop], 1);
	ask_after_walk(sample->tgid, context.stop, slot->walk.start_ns);
}

/* Walks by tables from the given registers; false: there is no such walk. */
static __always_inline bool walk_user_stack(struct event_slot *slot,
					    const struct user_registers *saved)
{
	if (!begin_walk(&slot->walk, saved, bpf_ktime_get_ns()))
		return false;
	walk_on(slot);
	return true;
}

/* The same where the registers are those a call returns with: the frame is a caller's. */
static __always_inline bool walk_callers(struct event_slot *slot,
					 const struct user_registers *saved)
{
	if (!begin_walk(&slot->walk, saved, bpf_ktime_get_ns()))
		return false;
	slot->walk.is_leaf = 0;
	walk_on(slot);
	return true;
}

/* As the kernel walks it, along frame pointers. */
static __always_inline void take_user_stack_by_fp(void *ctx, struct event_slot *slot)
{
	struct stack_sample *sample = &slot->record.sample;
	/* The mask changes nothing: Linux 6.1 believes in a negative number of frames here. */
	long at = (sample->kernel_frames * sizeof(__u64)) & STACK_BYTES;
	long bytes = bpf_get_stack(ctx, (void *)slot->record.addresses + at, STACK_BYTES,
				   BPF_F_USER_STACK);

	if (bytes <= 0) {
		sample->flags |= SAMPLE_USER_MISSED;
		bytes = 0;
	}
	if (bytes >= (long)STACK_BYTES) {
		sample->flags |= SAMPLE_USER_TRUNCATED;
		bytes = STACK_BYTES;
	}
	sample->user_frames = bytes / sizeof(__u64);
}

/* The current thread's user stack, behind the kernel stack, from where it left user mode. */
static __always_inline void take_user_stack_of_task(void *ctx, struct event_slot *slot)
{
	struct user_registers saved;

	if (!config.user_stacks || !has_user_stack())
		return;
	if (config.unwind != UNWIND_MODE_FP && take_saved_registers(&saved) &&
	    walk_user_stack(slot, &saved))
		return;
	take_user_stack_by_fp(ctx, slot);
}

/* The same where the context holds the user registers: probes on user code. */
static __always_inline void take_user_stack_of_context(void *ctx, struct event_slot *slot)
{
	struct user_registers saved;

	if (!config.user_stacks)
		return;
	if (config.unwind != UNWIND_MODE_FP) {
		take_context_registers(ctx, &saved);
		if (walk_user_stack(slot, &saved))
			return;
	}
	take_user_stack_by_fp(ctx, slot);
}

/* Sends a record. */
static __always_inline void send_record(struct sample_record *record, __u32 kind)
{
	struct cpu_counters *counters = this_cpu_counters();
	struct stack_sample *sample = &record->sample;
	__u64 frames = sample->kernel_frames + sample->user_frames;

	if (!counters || frames > 2 * MAX_STACK_DEPTH)
		return; /* cannot be: tells the verifier the bound */
	sample->kind = kind;
	count_shortfalls(counters, sample->flags);
	__sync_fetch_and_add(&counters->samples, 1);
	if (bpf_ringbuf_output(&samples, record,
			       sizeof(struct stack_sample) + frames * sizeof(__u64),
			       BPF_RB_NO_WAKEUP) != 0)
		__sync_fetch_and_add(&counters->ring_full, 1);
}

static __always_inline void send_event(struct event_slot *slot, __u32 kind)
{
	send_record(&slot->record, kind);
}

/* Bucket of a duration: 32 equal steps per power of two. */
static __always_inline __u32 bucket_of(__u64 ns)
{
	__u32 shift = 0, bucket;
	__u64 high = ns >> (LATENCY_SUB_BITS + 1);

	/* Position of the highest set bit of high, plus one: BPF counts no leading zeros. */
	if (high >> 32) {
		high >>= 32;
		shift += 32;
	}
	if (high >> 16) {
		high >>= 16;
		shift += 16;
	}
	if (high >> 8) {
		high >>= 8;
		shift += 8;
	}
	if (high >> 4) {
		high >>= 4;
		shift += 4;
	}
	if (high >> 2) {
		high >>= 2;
		shift += 2;
	}
	if (high >> 1) {
		high >>= 1;
		shift += 1;
	}
	shift += high;
	bucket = (shift << LATENCY_SUB_BITS) + (__u32)(ns >> shift);
	return bucket > LATENCY_OVERFLOW_BUCKET ? LATENCY_OVERFLOW_BUCKET : bucket;
}

/* Counts a value 2^shift times. Returns how many its bucket has now. */
static __always_inline __u64 add_to_histogram(void *map, const struct histogram_key *key,
					      __u64 value, __u32 shift)
{
	struct histogram_value first = {
		.count = 1ULL << shift,
		.total_ns = value << shift,
		.max_ns = value,
	};
	struct histogram_value *held = bpf_map_lookup_elem(map, key);

	if (!held) {
		if (bpf_map_update_elem(map, key, &first, BPF_NOEXIST) == 0)
			return 1ULL << shift;
		/* Another CPU was quicker, or the map is full. */
		held = bpf_map_lookup_elem(map, key);
		if (!held) {
			COUNT(histogram_full);
			return 0;
		}
	}
	__sync_fetch_and_add(&held->total_ns, value << shift);
	if (value > held->max_ns)
		held->max_ns = value;
	return __sync_fetch_and_add(&held->count, 1ULL << shift) + (1ULL << shift);
}

/*
 * Counts a value. Returns the place an example of it would take (stack_sample.link), or a negative
 * number: it was not drawn. A reservoir: each of a bucket's n values has the same chance to stay.
 */
static __always_inline __s64 count_values(__u32 source, __u64 key, __u32 tgid, __u64 value,
					  __u64 now_ns, __u32 shift)
{
	__u32 slice = (now_ns - state.start_ns) / SLICE_NS, slot;
	struct histogram_key place = {
		.key = key,
		.tgid = tgid,
		.source = source,
		.bucket = bucket_of(value),
		.slice = slice,
	};
	__u64 count;

	count = slice & 1 ? add_to_histogram(&histogram_odd, &place, value, shift)
			  : add_to_histogram(&histogram_even, &place, value, shift);
	count >>= shift;
	if (count == 0)
		return -1;
	slot = count <= EXAMPLES_PER_BUCKET ? count - 1 : bpf_get_prandom_u32() % (__u32)count;
	return slot < EXAMPLES_PER_BUCKET ? (__s64)((slice & 0xffff) << 16 | slot) : -1;
}

/* The same for a value that stands for itself alone. */
static __always_inline __s64 count_value(__u32 source, __u64 key, __u32 tgid, __u64 value,
					 __u64 now_ns)
{
	return count_values(source, key, tgid, value, now_ns, 0);
}

/* What one call of the current thread took, at its end. */
struct measurement {
	__u64 now_ns;
	__u64 value;
	__u64 key;
	__u32 source;
	__u32 reserved;
};

/* Counts a measurement of the current thread as config.detail asks. Returns its record, to which
 * the stacks are to be added; 0: there is none. */
static __always_inline struct event_slot *begin_measurement(const struct measurement *made)
{
	__u32 shift = *(volatile __u32 *)&state.backoff & 31;
	struct event_slot *slot;
	__s64 place = 0;

	if (!is_still_own((struct task_struct *)bpf_get_current_task()))
		return 0;
	COUNT(events);
	if (config.detail == DETAIL_HISTOGRAM) {
		place = count_values(made->source, made->key, bpf_get_current_pid_tgid() >> 32,
				     made->value, made->now_ns, shift);
		if (place < 0)
			return 0;
	} else if (made->value < config.min_ns) {
		COUNT(below_minimum);
		return 0;
	}
	slot = take_slot();
	if (!slot)
		return 0;
	begin_event(slot, made->source, made->now_ns);
	slot->record.sample.value = made->value;
	slot->record.sample.weight = 1U << shift;
	slot->record.sample.key = made->key;
	slot->record.sample.link = place;
	return slot;
}

static __always_inline void send_measurement(struct event_slot *slot)
{
	send_event(slot, config.detail == DETAIL_HISTOGRAM ? RECORD_EXAMPLE : RECORD_SAMPLE);
	give_back(slot);
}

/* At the end of a program: what it cost. */
static __always_inline void account(__u64 start_ns)
{
	account_tracepoint(start_ns);
}

/*
 * Of programs that run very often one run in so many is timed, because that takes as long as some
 * of them. Which, is drawn: a choice by the time or by counting marches in step with a loop that
 * is measured (by a hash of the time, 9 to 20 % too many runs of dd's were timed).
 */
#define RUNS_PER_TIMED 16

static __always_inline bool is_timed(void)
{
	return bpf_get_prandom_u32() % RUNS_PER_TIMED == 0;
}

static __always_inline void account_timed(__u64 start_ns)
{
	struct cpu_counters *counters = this_cpu_counters();

	if (!counters)
		return;
	__sync_fetch_and_add(&counters->runs, RUNS_PER_TIMED);
	__sync_fetch_and_add(&counters->run_ns,
			     RUNS_PER_TIMED * (bpf_ktime_get_ns() - start_ns));
}

/* At the end of a program that reads the time at its start anyway. */
static __always_inline void account_some(__u64 start_ns)
{
	if (is_timed())
		account_timed(start_ns);
}

/* At the start of one that does not: when it began if it is timed, else 0. */
static __always_inline __u64 begin_timing(void)
{
	return is_timed() ? bpf_ktime_get_ns() : 0;
}

static __always_inline void end_timing(__u64 began_ns)
{
	if (began_ns)
		account_timed(began_ns);
}

#endif
