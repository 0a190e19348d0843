/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a thread that does not run is known to wait for, and what becomes of its wait when it is
 * over: sched.bpf.c.
 */
#ifndef EMBERSCOPE_WAIT_BPF_H
#define EMBERSCOPE_WAIT_BPF_H

#include "event.bpf.h"

/*
 * config.source, min_ns: off-CPU's. parameters: the run queue's source, minimum and DETAIL_*, then
 * where interrupts enter (sched.bpf.c). A source of NO_SOURCE is not asked for.
 */
#define NO_SOURCE	   0xffffffffU
#define RUN_QUEUE_SOURCE   ((__u32)config.parameters[0])
#define RUN_QUEUE_MIN_NS   config.parameters[1]
#define RUN_QUEUE_DETAIL   config.parameters[2]
#define WITH_OFF_CPU	   (config.source != NO_SOURCE)
#define WITH_RUN_QUEUE	   (RUN_QUEUE_SOURCE != NO_SOURCE)
#define EARLY_STACKS	   1024
#define ENOSYS_IN_REGISTER ((__u64)-38)

/* Keys of off-CPU: what /proc/PID/stat calls the state. main/capture/sources/off-cpu.ts */
#define WAIT_NONE     0 /* could run */
#define WAIT_SLEEPING 1 /* S */
#define WAIT_DISK     2 /* D */
#define WAIT_IDLE     3 /* I */
#define WAIT_STOPPED  4 /* T */
#define WAIT_TRACED   5 /* t */
#define WAIT_PARKED   6 /* P */
#define WAIT_OTHER    7

/* Keys of the run queue. main/capture/sources/run-queue.ts */
#define QUEUE_WOKEN	0
#define QUEUE_PREEMPTED 1

/* include/linux/sched.h; unchanged since 4.14 */
#define TASK_INTERRUPTIBLE   0x0001
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_STOPPED	     0x0004
#define TASK_TRACED	     0x0008
#define TASK_PARKED	     0x0040
#define TASK_DEAD	     0x0080
#define TASK_WAKING	     0x0200
#define TASK_NOLOAD	     0x0400

/* thread_wait.out_ns before any time */
#define UNKNOWN	  0 /* since when is not known */
#define ON_CPU	  1
#define BEGINNING 2 /* being written by begin_wait() */

/* thread_wait.user: where the user stack comes from. */
#define USER_NONE    0 /* there is none, or none is asked for */
#define USER_SYSCALL 1 /* when the system call returns */
#define USER_EARLY   2 /* early_stacks */
#define USER_MISSED  3

/* Above the cost limit only some waits are sent; the others are counted, so totals stay exact. */
#define CHOICE_NONE  0 /* not made yet */
#define CHOICE_SEND  1
#define CHOICE_COUNT 2

struct thread_wait {
	__u64 out_ns;	/* when it left its CPU */
	__u64 wake_ns;	/* when it was last woken; 0: not since it ran */
	__u64 delay_ns; /* the kernel's count of its time in the queue, when it left */
	__u8 state;	/* WAIT_* when it left */
	__u8 queue;	/* QUEUE_* of a thread that could run when it left */
	__u8 user;	/* USER_* */
	__u8 pending;	/* a RECORD_PENDING lacks its user stack */
	__u8 unseen;	/* the switch back to it was not: its kernel stack is another's by now */
	__u8 choice;	/* CHOICE_* of its off-CPU part */
	__u8 reserved[2];
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_wait);
} thread_waits SEC(".maps");

/* User stacks walked before the wait; sample: flags and user_frames alone. Key: pid. */
struct early_stack {
	struct stack_sample sample;
	__u64 addresses[MAX_STACK_DEPTH];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EARLY_STACKS);
	__type(key, __u32);
	__type(value, struct early_stack);
} early_stacks SEC(".maps");

static __always_inline __u32 state_of(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return ((struct task_struct___5_4 *)task)->state;
}

static __always_inline __u8 wait_of(__u32 task_state)
{
	if (task_state == 0 || (task_state & TASK_WAKING))
		return WAIT_NONE;
	if (task_state & TASK_INTERRUPTIBLE)
		return WAIT_SLEEPING;
	if (task_state & TASK_UNINTERRUPTIBLE)
		return task_state & TASK_NOLOAD ? WAIT_IDLE : WAIT_DISK;
	if (task_state & TASK_STOPPED)
		return WAIT_STOPPED;
	if (task_state & TASK_TRACED)
		return WAIT_TRACED;
	return task_state & TASK_PARKED ? WAIT_PARKED : WAIT_OTHER;
}

static __always_inline struct thread_wait *wait_state(struct task_struct *task)
{
	if (!is_still_own(task))
		return 0;
	return bpf_task_storage_get(&thread_waits, task, 0, 0);
}

static __always_inline bool has_user_side(struct task_struct *task)
{
	return !(task->flags & (PF_KTHREAD | PF_IO_WORKER)) && task->mm;
}

/*
 * Whether sys_exit is still to come: a system call's entry puts its number into orig_ax, other
 * entries a negative number, and its result is -ENOSYS until there is one.
 */
static __always_inline bool is_in_syscall(struct task_struct *task)
{
	const struct user_registers *saved = (const void *)bpf_task_pt_regs(task);

	return saved && (__s64)saved->orig_rax >= 0 && saved->rax == ENOSYS_IN_REGISTER;
}

/* Walks the current thread's user stack and keeps it until its wait is over. */
static __noinline int keep_early_stack(void *ctx, __u32 pid)
{
	struct event_slot *slot = take_slot();
	int way = USER_MISSED;

	if (!slot)
		return way;
	begin_event(slot, 0, 0);
	take_user_stack_of_task(ctx, slot);
	if (bpf_map_update_elem(&early_stacks, &pid, &slot->record, BPF_ANY) == 0)
		way = USER_EARLY;
	give_back(slot);
	return way;
}

/* A wait, or a part of one, that is over (or all there is of it at the end). */
struct wait_part {
	__u64 end_ns;
	__u64 value;
	__u32 key;
	__u32 source;
	__u16 user; /* USER_* */
	__u8 unseen;
	__u8 choice;
	__u32 kind; /* RECORD_SAMPLE or RECORD_EXAMPLE */
	__u32 link;
};

/* Puts an early stack behind the kernel's. */
static __always_inline void add_early_stack(struct event_slot *slot)
{
	struct stack_sample *sample = &slot->record.sample;
	struct early_stack *early = bpf_map_lookup_elem(&early_stacks, &sample->pid);
	__u64 at = (sample->kernel_frames * sizeof(__u64)) & STACK_BYTES, bytes;

	if (!early) {
		sample->flags |= SAMPLE_USER_MISSED | UNWIND_NO_REGISTERS << SAMPLE_UNWIND_SHIFT;
		return;
	}
	bytes = (early->sample.user_frames * sizeof(__u64)) & STACK_BYTES;
	if (bytes > 0)
		bpf_probe_read_kernel((void *)slot->record.addresses + at, bytes, early->addresses);
	sample->user_frames = bytes / sizeof(__u64);
	sample->flags |= early->sample.flags;
}

/* Sends a thread's wait with the kernel stack it has. Returns whether a user stack must follow. */
static __noinline int send_wait(struct task_struct *task, const struct wait_part *part)
{
	struct event_slot *slot = take_slot();
	struct stack_sample *sample;
	__u32 kind = part->kind;

	if (!slot)
		return 0;
	sample = &slot->record.sample;
	__builtin_memset(sample, 0, sizeof(*sample));
	sample->time_ns = part->end_ns;
	sample->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	sample->value = part->value;
	sample->key = part->key;
	sample->tgid = task->tgid;
	sample->pid = task->pid;
	sample->cpu = task->wake_cpu;
	sample->weight = 1;
	sample->source = part->source;
	sample->link = part->link;
	if (part->unseen)
		sample->flags |= SAMPLE_KERNEL_MISSED;
	else if (config.kernel_stacks)
		note_kernel_stack(sample,
				  bpf_get_task_stack(task, slot->record.addresses, STACK_BYTES, 0));
	if (part->user == USER_EARLY)
		add_early_stack(slot);
	else if (part->user == USER_MISSED)
		sample->flags |= SAMPLE_USER_MISSED | UNWIND_NO_REGISTERS << SAMPLE_UNWIND_SHIFT;
	else if (part->user == USER_SYSCALL)
		kind = kind == RECORD_EXAMPLE ? RECORD_PENDING_EXAMPLE : RECORD_PENDING;
	send_event(slot, kind);
	give_back(slot);
	return part->user == USER_SYSCALL;
}

static __always_inline __u8 choose(__u8 made)
{
	if (made == CHOICE_NONE)
		return is_skipped() ? CHOICE_COUNT : CHOICE_SEND;
	return made;
}

/* Counts or sends a part, as its source asks. Returns whether a user stack must follow. */
static __always_inline int measure(struct task_struct *task, struct wait_part *part, __u64 min_ns,
				   __u32 detail, __u64 now_ns)
{
	__s64 place;

	COUNT(events);
	part->kind = RECORD_SAMPLE;
	part->link = 0;
	if (detail != DETAIL_HISTOGRAM && part->value >= min_ns &&
	    choose(part->choice) == CHOICE_SEND)
		return send_wait(task, part);
	place = count_value(part->source, part->key, task->tgid, part->value, now_ns);
	if (detail != DETAIL_HISTOGRAM) {
		if (part->value < min_ns)
			COUNT(below_minimum);
		return 0;
	}
	if (place < 0)
		return 0;
	part->kind = RECORD_EXAMPLE;
	part->link = place;
	return send_wait(task, part);
}

static __always_inline void forget_early_stack(struct task_struct *task,
					       const struct thread_wait *wait)
{
	__u32 pid = task->pid;

	if (wait->user == USER_EARLY)
		bpf_map_delete_elem(&early_stacks, &pid);
}

/* What a thread waited for from out_ns to now. Returns whether a user stack must follow. */
static __noinline int end_wait(struct task_struct *task, struct thread_wait *wait, __u64 out_ns,
			       __u64 now_ns)
{
	__u64 woken_ns = wait->wake_ns;
	struct wait_part part = {.user = wait->user, .unseen = wait->unseen};
	int pending = 0;

	/* Woken while it was still on its way off the CPU. */
	if (woken_ns != 0 && woken_ns < out_ns)
		woken_ns = out_ns;
	if (wait->state == WAIT_NONE)
		woken_ns = out_ns;
	else if (woken_ns == 0)
		woken_ns = now_ns; /* not woken yet, or nobody saw who did */
	if (WITH_OFF_CPU && wait->state != WAIT_NONE) {
		part.end_ns = woken_ns;
		part.value = woken_ns - out_ns;
		part.key = wait->state;
		part.source = config.source;
		part.choice = wait->choice;
		pending = measure(task, &part, config.min_ns, DETAIL_EVENTS, now_ns);
	}
	if (WITH_RUN_QUEUE && now_ns > woken_ns) {
		part.end_ns = now_ns;
		part.value = now_ns - woken_ns;
		part.key = wait->state == WAIT_NONE ? wait->queue : QUEUE_WOKEN;
		part.source = RUN_QUEUE_SOURCE;
		part.choice = CHOICE_NONE;
		pending |= measure(task, &part, RUN_QUEUE_MIN_NS, RUN_QUEUE_DETAIL, now_ns);
	}
	forget_early_stack(task, wait);
	return pending;
}

static __always_inline __u64 delay_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->sched_info) ? task->sched_info.run_delay : 0;
}

/*
 * The current thread runs, but no switch to it was seen: some kernels do not show all of them to
 * tracing programs. How long it stood in the queue is known from the kernel's own count, if it
 * keeps one. Returns whether a user stack must follow.
 */
static __always_inline int end_unseen_wait(struct task_struct *task, struct thread_wait *wait,
					   __u8 user)
{
	__u64 out_ns = __sync_lock_test_and_set(&wait->out_ns, ON_CPU), end_ns = out_ns;
	int pending = 0;

	/* Woken, or else nobody knows when it ended. */
	if (wait->state != WAIT_NONE && wait->wake_ns > out_ns)
		end_ns = wait->wake_ns;
	if (wait->state == WAIT_NONE || end_ns > out_ns) {
		if (wait->user == USER_SYSCALL)
			wait->user = user;
		wait->unseen = 1;
		end_ns += delay_of(task) - wait->delay_ns;
		pending = end_wait(task, wait, out_ns, end_ns);
		wait->unseen = 0;
	} else {
		COUNT(starts_lost);
		forget_early_stack(task, wait);
	}
	wait->wake_ns = 0;
	return pending;
}

#endif
