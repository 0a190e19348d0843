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
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "wire.h"

/* Knobs: constants for the verifier, which removes the branches not taken. */
const volatile struct sampler_config config = {};

/* .bss, mapped by the helper. */
struct sampler_state state;

#include "target.bpf.h"
#include "aggregate.bpf.h"

/* One sample with its addresses, as it goes on the ring buffer. */
struct sample_record {
	struct stack_sample sample;
	__u64 addresses[2 * MAX_STACK_DEPTH];
};
#define STACK_BYTES (MAX_STACK_DEPTH * sizeof(__u64))

/* Where a sample is put together; too large for the BPF stack. Key: 0. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample_record);
} scratch SEC(".maps");

/* Precise mode: sample records of 40 + 8 * frames bytes. Full: ring_full rises, sample lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* bytes; set by the helper */
} samples SEC(".maps");

/* Kernel threads and those past exit_mm() have no user stack: then none is missed. */
static __always_inline bool has_user_stack(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	if (BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER))
		return false;
	return BPF_CORE_READ(task, mm) != 0;
}

static __always_inline void count_shortfalls(struct cpu_counters *counters, __u32 flags)
{
	if (flags & (SAMPLE_KERNEL_TRUNCATED | SAMPLE_USER_TRUNCATED))
		counters->truncated++;
	if (flags & (SAMPLE_KERNEL_MISSED | SAMPLE_USER_MISSED))
		counters->missed++;
}

/*
 * Fills in the record: who runs, and both stacks. They lie back to back as the ring buffer wants
 * them; in aggregate mode each at its own place, where bpf_get_stack() fills the rest with zeros.
 */
static __always_inline void fill_record(struct bpf_perf_event_data *ctx,
					struct sample_record *record, __u64 now_ns, __u32 flags)
{
	__u64 id = bpf_get_current_pid_tgid();
	long kernel_bytes = 0, user_bytes = 0;

	if (config.kernel_stacks) {
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
	if (config.user_stacks && (__u32)id != 0) {
		user_bytes =
			bpf_get_stack(ctx,
				      (void *)record->addresses +
					      (config.aggregate ? (long)STACK_BYTES : kernel_bytes),
				      STACK_BYTES, BPF_F_USER_STACK);
		if (user_bytes <= 0) {
			if (has_user_stack())
				flags |= SAMPLE_USER_MISSED;
			user_bytes = 0;
		}
		if (user_bytes >= (long)STACK_BYTES) {
			flags |= SAMPLE_USER_TRUNCATED;
			user_bytes = STACK_BYTES;
		}
	}
	record->sample.time_ns = now_ns;
	record->sample.cgroup_id = bpf_get_current_cgroup_id();
	record->sample.tgid = id >> 32;
	record->sample.pid = (__u32)id;
	record->sample.cpu = bpf_get_smp_processor_id();
	record->sample.weight = 1;
	record->sample.kernel_frames = kernel_bytes / sizeof(__u64);
	record->sample.user_frames = user_bytes / sizeof(__u64);
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

static __always_inline void take_sample(struct bpf_perf_event_data *ctx,
					struct cpu_counters *counters, __u64 now_ns)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct sample_record *record;
	__u32 flags = 0, zero = 0;

	if (id == 0) {
		counters->idle++;
		if (!config.include_idle || config.target_kind != TARGET_MACHINE)
			return;
		flags = SAMPLE_IDLE;
	}
	if (!in_target(id >> 32)) {
		counters->filtered++;
		return;
	}
	record = bpf_map_lookup_elem(&scratch, &zero);
	if (!record)
		return; /* cannot be: an array of one */

	counters->samples++;
	fill_record(ctx, record, now_ns, flags);
	count_shortfalls(counters, record->sample.flags);
	if (!config.aggregate)
		send_record(record, counters);
	else if (state.slice & 1)
		count_record(record, &counts_odd, &stacks_odd, counters);
	else
		count_record(record, &counts_even, &stacks_even, counters);
}

SEC("perf_event")
int on_tick(struct bpf_perf_event_data *ctx)
{
	__u64 start_ns = bpf_ktime_get_ns();
	struct cpu_counters *counters = this_cpu_counters();

	if (!counters)
		return 0;
	take_sample(ctx, counters, start_ns);
	counters->runs++;
	counters->run_ns += bpf_ktime_get_ns() - start_ns;
	return 0; /* 0: the event itself writes no sample */
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
