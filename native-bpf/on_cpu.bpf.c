// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * On-CPU sampler: on each tick of a per-CPU perf event, who runs and by which call stacks.
 *
 * Three programs: on_tick on every CPU's perf event; for process targets also the fork and exit
 * tracepoints, by which the target set follows children. No program waits, loops or wakes anyone.
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "wire.h"

#include "capture.bpf.h"
#include "aggregate.bpf.h"
#include "unwind.bpf.h"

/* Where a sample is put together; too large for the BPF stack. Key: 0. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample_record);
} scratch SEC(".maps");

/* A walk under way, one per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_walk);
} unwind_walks SEC(".maps");

/*
 * The user stack as the kernel walks it, along frame pointers, behind the kernel stack; in
 * aggregate mode at its own place, where bpf_get_stack() fills the rest with zeros.
 */
static __always_inline void take_user_stack(struct bpf_perf_event_data *ctx,
					    struct sample_record *record)
{
	/*
	 * The mask changes nothing, 1,016 being all of its bits: Linux 6.1 believes in a negative
	 * number of frames here.
	 */
	long at = config.aggregate ? (long)STACK_BYTES
				   : (record->sample.kernel_frames * sizeof(__u64)) & STACK_BYTES;
	long bytes =
		bpf_get_stack(ctx, (void *)record->addresses + at, STACK_BYTES, BPF_F_USER_STACK);

	if (bytes <= 0) {
		if (has_user_stack())
			record->sample.flags |= SAMPLE_USER_MISSED;
		bytes = 0;
	}
	if (bytes >= (long)STACK_BYTES) {
		record->sample.flags |= SAMPLE_USER_TRUNCATED;
		bytes = STACK_BYTES;
	}
	record->sample.user_frames = bytes / sizeof(__u64);
}

/* The tick met user code: there is a user stack, and no kernel stack below it. */
static __always_inline bool in_user_mode(struct bpf_perf_event_data *ctx)
{
	volatile __u64 *cs = (void *)ctx + offsetof(struct user_registers, cs);

	return (*cs & 3) == 3;
}

/* Begins a record: who runs, and the kernel stack. */
static __always_inline void begin_record(struct bpf_perf_event_data *ctx,
					 struct sample_record *record, __u64 now_ns, __u32 flags)
{
	__u64 id = bpf_get_current_pid_tgid();
	long kernel_bytes = 0;

	if (config.kernel_stacks && !in_user_mode(ctx)) {
		kernel_bytes = bpf_get_stack(ctx, record->addresses, STACK_BYTES, 0);
		if (kernel_bytes < 0) {
			flags |= SAMPLE_KERNEL_MISSED;
			kernel_bytes = 0;
		}
		if (kernel_bytes >= (long)STACK_BYTES) {
			flags |= SAMPLE_KERNEL_TRUNCATED;
			kernel_bytes = STACK_BYTES;
		}
	}
	__builtin_memset(&record->sample, 0, sizeof(record->sample));
	record->sample.time_ns = now_ns;
	record->sample.cgroup_id = bpf_get_current_cgroup_id();
	record->sample.tgid = id >> 32;
	record->sample.pid = (__u32)id;
	record->sample.cpu = bpf_get_smp_processor_id();
	record->sample.weight = 1;
	record->sample.kernel_frames = kernel_bytes / sizeof(__u64);
	record->sample.source = config.source;
	record->sample.flags = flags;
}

/* Precise mode. */
static __always_inline void send_record(const struct sample_record *record,
					struct cpu_counters *counters)
{
	__u64 frames = record->sample.kernel_frames + record->sample.user_frames;

	if (frames > 2 * MAX_STACK_DEPTH)
		return; /* cannot be: tells the verifier the bound */
	if (bpf_ringbuf_output(&samples, (void *)record,
			       sizeof(struct stack_sample) + frames * sizeof(__u64),
			       BPF_RB_NO_WAKEUP) != 0)
		counters->ring_full++;
}

/* Aggregate mode, into one of the two map sets. */
static __always_inline void count_record(struct sample_record *record, void *counts, void *stacks,
					 struct cpu_counters *counters)
{
	struct stack_sample *sample = &record->sample;
	struct count_key key = {
		.tgid = sample->tgid,
		.pid = sample->pid,
		.cgroup_id = sample->cgroup_id,
		.unwind_stop = sample->flags >> SAMPLE_UNWIND_SHIFT & 0xff,
	};

	if (sample->kernel_frames > 0)
		key.kernel_stack = keep_stack(stacks, record->addresses, counters);
	if (sample->user_frames > 0)
		key.user_stack = keep_stack(stacks, record->addresses + MAX_STACK_DEPTH, counters);
	if (key.kernel_stack)
		key.kernel_frames = sample->kernel_frames;
	else if (sample->kernel_frames > 0)
		sample->flags |= SAMPLE_KERNEL_MISSED;
	if (key.user_stack)
		key.user_frames = sample->user_frames;
	else if (sample->user_frames > 0)
		sample->flags |= SAMPLE_USER_MISSED;
	count_key_once(counts, &key, sample, counters);
}

/* Sends or counts a record that is complete. */
static __always_inline void emit(struct sample_record *record, struct cpu_counters *counters)
{
	count_shortfalls(counters, record->sample.flags);
	if (!config.aggregate)
		send_record(record, counters);
	else if (state.slice & 1)
		count_record(record, &counts_odd, &stacks_odd, counters);
	else
		count_record(record, &counts_even, &stacks_even, counters);
}

/* The walk goes on in its program 0, unwind_user; set by the helper. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} unwind_programs SEC(".maps");

/* Aggregate mode hashes the whole of a stack's place. */
static __always_inline void clear_user_addresses(struct sample_record *record)
{
	for (int i = 0; i < MAX_STACK_DEPTH; i++)
		record->addresses[MAX_STACK_DEPTH + i] = 0;
}

static __always_inline bool start_walk(struct bpf_perf_event_data *ctx, __u64 now_ns)
{
	struct user_registers saved;
	struct unwind_walk *walk;
	__u32 zero = 0;

	walk = bpf_map_lookup_elem(&unwind_walks, &zero);
	if (!walk)
		return false; /* cannot be: an array of one */
	if (in_user_mode(ctx))
		take_context_registers(ctx, &saved);
	else if (!take_saved_registers(&saved))
		return false;
	return begin_walk(walk, &saved, now_ns);
}

/* Room for the user stack: behind the kernel's, or in aggregate mode at its own place. */
static __always_inline __u64 *user_addresses(struct sample_record *record)
{
	__u32 kernel_frames = record->sample.kernel_frames & 127;

	return record->addresses + (config.aggregate ? MAX_STACK_DEPTH : kernel_frames);
}

static __always_inline void end_walk(struct sample_record *record, struct unwind_walk *walk,
				     __u32 stop)
{
	struct cpu_counters *counters = this_cpu_counters();

	if (!counters)
		return;
	record->sample.flags |= stop << SAMPLE_UNWIND_SHIFT;
	if (stop == UNWIND_DEPTH)
		record->sample.flags |= SAMPLE_USER_TRUNCATED;
	if (stop < UNWIND_STOPS)
		counters->unwind_stops[stop]++;
	emit(record, counters);
	ask_after_walk(record->sample.tgid, stop, walk->start_ns);
	counters->runs++;
	counters->run_ns += bpf_ktime_get_ns() - walk->start_ns;
}

SEC("perf_event")
int unwind_user(struct bpf_perf_event_data *ctx)
{
	__u32 zero = 0, frames, stop = STEP_ON;
	struct unwind_walk *walk = bpf_map_lookup_elem(&unwind_walks, &zero);
	struct sample_record *record = bpf_map_lookup_elem(&scratch, &zero);

	if (!walk || !record)
		return 0; /* cannot be: arrays of one */
	for (int count = 0; count < FRAMES_PER_CALL; count++) {
		frames = record->sample.user_frames;
		if (frames >= MAX_STACK_DEPTH) {
			stop = UNWIND_DEPTH;
			break;
		}
		user_addresses(record)[frames] = walk->pc;
		record->sample.user_frames = frames + 1;
		stop = step(walk);
		if (stop != STEP_ON)
			break;
	}
	if (stop == STEP_ON) {
		if (walk->calls++ < MAX_UNWIND_CALLS)
			bpf_tail_call(ctx, &unwind_programs, 0);
		stop = UNWIND_STEP_LIMIT;
	}
	end_walk(record, walk, stop);
	return 0;
}

static __always_inline struct sample_record *
begin_sample(struct bpf_perf_event_data *ctx, struct cpu_counters *counters, __u64 now_ns)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sample_record *record;
	__u32 flags = 0, zero = 0;

	if (id == 0) {
		counters->idle++;
		if (!config.include_idle || config.target_kind != TARGET_MACHINE)
			return 0;
		flags = SAMPLE_IDLE;
	}
	if (!in_target(id >> 32)) {
		counters->filtered++;
		return 0;
	}
	record = bpf_map_lookup_elem(&scratch, &zero);
	if (!record)
		return 0; /* cannot be: an array of one */
	counters->samples++;
	begin_record(ctx, record, now_ns, flags);
	return record;
}

/* The idle task and kernel threads have no user stack. */
static __always_inline bool wants_walk(struct bpf_perf_event_data *ctx,
				       const struct sample_record *record)
{
	return config.unwind != UNWIND_MODE_FP && config.user_stacks && record->sample.pid != 0 &&
	       (in_user_mode(ctx) || has_user_stack());
}

SEC("perf_event")
int on_tick(struct bpf_perf_event_data *ctx)
{
	__u64 start_ns = bpf_ktime_get_ns();
	struct cpu_counters *counters = this_cpu_counters();
	struct sample_record *record;

	if (!counters)
		return 0;
	record = begin_sample(ctx, counters, start_ns);
	if (record) {
		if (wants_walk(ctx, record) && start_walk(ctx, start_ns)) {
			if (config.aggregate)
				clear_user_addresses(record);
			bpf_tail_call(ctx, &unwind_programs, 0);
		}
		/* As asked, or because there is no walk: 32-bit programs, an old kernel. */
		if (config.user_stacks && record->sample.pid != 0)
			take_user_stack(ctx, record);
		emit(record, counters);
	}
	counters->runs++;
	counters->run_ns += bpf_ktime_get_ns() - start_ns;
	return 0; /* 0: the event itself writes no sample */
}

SEC("raw_tp/sched_process_fork")
int on_sched_process_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx->args[0];
	struct task_struct *child = (struct task_struct *)ctx->args[1];
	__u64 start_ns = bpf_ktime_get_ns();

	if (config.target_kind == TARGET_PROCESS)
		follow_child(parent, child);
	if (config.unwind != UNWIND_MODE_FP)
		share_mappings(parent, child);
	account_tracepoint(start_ns);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int on_sched_process_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	__u64 start_ns = bpf_ktime_get_ns();

	if (config.target_kind == TARGET_PROCESS)
		forget_process(task);
	if (config.unwind != UNWIND_MODE_FP)
		forget_mappings(task);
	account_tracepoint(start_ns);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int on_sched_process_exec(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 start_ns = bpf_ktime_get_ns();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct unwind_request request = {.tgid = tgid, .reason = UNWIND_COMPLETE};

	if (stays_own((struct task_struct *)ctx->args[0], tgid) && config.unwind != UNWIND_MODE_FP) {
		bpf_map_delete_elem(&unwind_processes, &tgid);
		if (in_target(tgid))
			ask_for(&request);
	}
	account_tracepoint(start_ns);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
