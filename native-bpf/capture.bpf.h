/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What all objects of one capture share: knobs, counters, target, ring buffer. The helper opens the
 * first object's maps and gives them to the others, so that one name is one map.
 */
#ifndef EMBERSCOPE_CAPTURE_BPF_H
#define EMBERSCOPE_CAPTURE_BPF_H

/* Knobs: constants for the verifier, which removes the branches not taken. */
const volatile struct capture_config config = {};

/* .bss, mapped by the helper. */
struct capture_state state;

#include "target.bpf.h"

/* One record as it goes on the ring buffer. */
struct sample_record {
	struct stack_sample sample;
	__u64 addresses[2 * MAX_STACK_DEPTH];
};
#define STACK_BYTES (MAX_STACK_DEPTH * sizeof(__u64))

/* Sample records of 72 + 8 * frames bytes. Full: ring_full rises, the record is lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* bytes; set by the helper */
} samples SEC(".maps");

/* Kernel threads and those past exit_mm() have no user stack: then none is missed. */
static __always_inline bool task_has_user_stack(const struct task_struct *task)
{
	if (BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER))
		return false;
	return BPF_CORE_READ(task, mm) != 0;
}

static __always_inline bool has_user_stack(void)
{
	return task_has_user_stack((struct task_struct *)bpf_get_current_task());
}

static __always_inline void count_shortfalls(struct cpu_counters *counters, __u32 flags)
{
	if (flags & (SAMPLE_KERNEL_TRUNCATED | SAMPLE_USER_TRUNCATED))
		counters->truncated++;
	if (flags & (SAMPLE_KERNEL_MISSED | SAMPLE_USER_MISSED))
		counters->missed++;
}

#endif
