/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every struct that crosses from BPF programs to user space: the single source.
 * main/capture/wire/records.ts mirrors it; test/wire compares both through the objects' BTF.
 * Fixed-width types, explicit padding, no pointers, no bitfields.
 */
#ifndef EMBERSCOPE_WIRE_H
#define EMBERSCOPE_WIRE_H

/* Frames kept per stack; kernel.perf_event_max_stack's default (Documentation/admin-guide/sysctl/kernel.rst). */
#define MAX_STACK_DEPTH 127

/* Why a sample lacks part of its stacks; bits of stack_sample.flags. */
#define SAMPLE_KERNEL_TRUNCATED 0x01 /* kernel stack reached MAX_STACK_DEPTH */
#define SAMPLE_USER_TRUNCATED	0x02 /* user stack reached MAX_STACK_DEPTH */
#define SAMPLE_KERNEL_MISSED	0x04 /* the kernel stack could not be read */
#define SAMPLE_USER_MISSED	0x08 /* the user stack could not be read (not set for kernel threads) */
#define SAMPLE_IDLE		0x10 /* taken in the idle task */

/*
 * One sample. Followed on the ring buffer by kernel_frames then user_frames addresses (u64 each),
 * leaf first. Aggregated samples use the same layout with weight > 1 and the time of their slice.
 */
struct stack_sample {
	__u64 time_ns;	     /* CLOCK_MONOTONIC, ns */
	__u64 cgroup_id;     /* cgroup v2 id of the task; 0 unknown */
	__u32 tgid;	     /* process id as user space means it */
	__u32 pid;	     /* thread id as user space means it */
	__u32 cpu;	     /* CPU number */
	__u32 weight;	     /* samples this record stands for */
	__u16 kernel_frames; /* addresses that follow, kernel stack */
	__u16 user_frames;   /* addresses that follow, user stack */
	__u32 flags;	     /* SAMPLE_* */
};

/*
 * One CPU's counters, in .bss as cpu_counters[cpu], read through the mapped array without a
 * system call. All monotonically increasing. Each CPU writes only its own row.
 */
struct cpu_counters {
	__u64 samples;		 /* samples accepted (recorded or lost after acceptance) */
	__u64 idle;		 /* ticks in the idle task */
	__u64 filtered;		 /* ticks outside the target */
	__u64 ring_full;	 /* samples lost: no room on the ring buffer */
	__u64 stack_collisions;	 /* aggregate: stack-map slot taken by another stack */
	__u64 counts_full;	 /* aggregate: count map full, samples lost */
	__u64 truncated;	 /* samples with a stack cut at MAX_STACK_DEPTH */
	__u64 missed;		 /* samples with an unreadable stack */
	__u64 targets_full;	 /* children not followed: target set full */
	__u64 runs;		 /* runs of our programs on this CPU */
	__u64 run_ns;		 /* ns spent inside them, bpf_ktime_get_ns differences */
	__u64 reserved[5];	 /* pads the row to two cache lines */
};

/* Aggregate mode: key of the count map. */
struct count_key {
	__u32 tgid;
	__u32 pid;
	__s32 kernel_stack; /* stack-map id; < 0: none or lost */
	__s32 user_stack;   /* stack-map id; < 0: none or lost */
	__u64 cgroup_id;
};

#endif
