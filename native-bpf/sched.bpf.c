// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Threads that do not run: those that wait for something (off-CPU), with who woke them, and those
 * that could run and wait for a CPU (run queue). One switch program measures both.
 *
 * What a thread waits for is written down in its task storage, made when the session begins or the
 * thread does: never while a run queue is locked. Leaving the CPU and being woken are a time each.
 * When the thread runs again, its wait is divided at the wake-up, and each part that is long enough
 * becomes a record with the thread's kernel stack, which still is that of the wait. Its user stack
 * is not to be read from there:
 *
 *   in a system call     RECORD_PENDING now, RECORD_USER_STACK when the call returns (sys_exit)
 *   elsewhere            walked when the thread left the CPU, kept in early_stacks meanwhile:
 *                        preempted in user mode, page faults, and what follows sys_exit
 *
 * Parts that are shorter than the minimum are counted in the histograms, so that totals are exact.
 * config.source and min_ns are off-CPU's; key of off-CPU: WAIT_*, of the run queue: QUEUE_*.
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

/* config.source and RUN_QUEUE_SOURCE: that source is not asked for. */
#define NO_SOURCE	 0xffffffffU
#define RUN_QUEUE_SOURCE ((__u32)config.parameters[0])
#define RUN_QUEUE_MIN_NS config.parameters[1]
#define RUN_QUEUE_DETAIL config.parameters[2]
#define OPTION_WAKERS	 1
#define WITH_OFF_CPU	 (config.source != NO_SOURCE)
#define WITH_RUN_QUEUE	 (RUN_QUEUE_SOURCE != NO_SOURCE)
/* Leaf frames that are the tracer's: this program's two, and bpf_trace_run1(). */
#define OWN_FRAMES	   3
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

struct thread_wait {
	__u64 out_ns;  /* when it left its CPU */
	__u64 wake_ns; /* when it was last woken; 0: not since it ran */
	__u8 state;    /* WAIT_* when it left */
	__u8 queue;    /* QUEUE_* of a thread that could run when it left */
	__u8 user;     /* USER_* */
	__u8 pending;  /* a RECORD_PENDING lacks its user stack */
	__u8 unseen;   /* the switch back to it was not: its kernel stack is another's by now */
	__u8 reserved[3];
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

/* Kernel text of the entries of interrupts, not of exceptions; end 0: not known. By the helper. */
#define INTERRUPT_ENTRY_START config.parameters[3]
#define INTERRUPT_ENTRY_END   config.parameters[4]

/*
 * How many frames of a kernel stack belong to an interrupt: those below its entry, where the stack
 * goes on with who was interrupted. 0: there is none.
 */
static __always_inline __u32 interrupt_frames(const struct event_slot *slot)
{
	__u32 frames = slot->record.sample.kernel_frames;

	for (__u32 at = 0; at < MAX_STACK_DEPTH && at < frames; at++) {
		__u64 address = slot->record.addresses[at];

		if (address >= INTERRUPT_ENTRY_START && address < INTERRUPT_ENTRY_END)
			return at + 1;
	}
	return 0;
}

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
	struct user_registers *saved = (void *)bpf_task_pt_regs(task);
	__u64 entry[2];

	if (!saved || bpf_probe_read_kernel(&entry[0], sizeof(__u64), &saved->orig_rax) != 0 ||
	    bpf_probe_read_kernel(&entry[1], sizeof(__u64), &saved->rax) != 0)
		return false;
	return (__s64)entry[0] >= 0 && entry[1] == ENOSYS_IN_REGISTER;
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
	__u16 unseen;
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

/* Counts or sends a part, as its source asks. Returns whether a user stack must follow. */
static __always_inline int measure(struct task_struct *task, struct wait_part *part, __u64 min_ns,
				   __u32 detail, __u64 now_ns)
{
	__s64 place;

	COUNT(events);
	part->kind = RECORD_SAMPLE;
	part->link = 0;
	if (detail != DETAIL_HISTOGRAM && part->value >= min_ns)
		return send_wait(task, part);
	place = count_value(part->source, part->key, task->tgid, part->value, now_ns);
	if (detail != DETAIL_HISTOGRAM) {
		COUNT(below_minimum);
		return 0;
	}
	if (place < 0)
		return 0;
	part->kind = RECORD_EXAMPLE;
	part->link = place;
	return send_wait(task, part);
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
		pending = measure(task, &part, config.min_ns, DETAIL_EVENTS, now_ns);
	}
	if (WITH_RUN_QUEUE && now_ns > woken_ns) {
		part.end_ns = now_ns;
		part.value = now_ns - woken_ns;
		part.key = wait->state == WAIT_NONE ? wait->queue : QUEUE_WOKEN;
		part.source = RUN_QUEUE_SOURCE;
		pending |= measure(task, &part, RUN_QUEUE_MIN_NS, RUN_QUEUE_DETAIL, now_ns);
	}
	if (wait->user == USER_EARLY) {
		__u32 pid = task->pid;

		bpf_map_delete_elem(&early_stacks, &pid);
	}
	return pending;
}

/*
 * The current thread runs, but no switch to it was seen: some kernels do not show all of them to
 * tracing programs. Until when it stood in the queue is known to the next system call's return at
 * best, else only how long it slept.
 */
static __always_inline int end_unseen_wait(struct task_struct *task, struct thread_wait *wait,
					   __u64 now_ns, __u8 user)
{
	__u64 out_ns = __sync_lock_test_and_set(&wait->out_ns, ON_CPU);
	int pending = 0;

	if (out_ns > BEGINNING && out_ns < now_ns) {
		if (wait->user != USER_NONE)
			wait->user = user;
		wait->unseen = 1;
		pending = end_wait(task, wait, out_ns, now_ns);
		wait->unseen = 0;
	}
	wait->wake_ns = 0;
	return pending;
}

/* The current thread leaves its CPU. */
static __always_inline void leave(void *ctx, struct task_struct *task, bool preempted, __u64 now_ns)
{
	struct thread_wait *wait = wait_state(task);
	__u32 task_state;

	if (!wait)
		return;
	if (wait->out_ns > BEGINNING) {
		COUNT(starts_lost);
		if (wait->wake_ns > wait->out_ns && wait->state != WAIT_NONE)
			end_unseen_wait(task, wait, wait->wake_ns, USER_MISSED);
		wait->wake_ns = 0;
	}
	task_state = state_of(task);
	if ((task_state & TASK_DEAD) ||
	    (config.target_kind == TARGET_CGROUP && !in_target(task->tgid))) {
		wait->out_ns = UNKNOWN;
		return;
	}
	wait->state = preempted ? WAIT_NONE : wait_of(task_state);
	wait->queue = task_state & TASK_WAKING ? QUEUE_WOKEN : QUEUE_PREEMPTED;
	if (wait->state == WAIT_NONE ? !WITH_RUN_QUEUE : !WITH_OFF_CPU && !WITH_RUN_QUEUE) {
		wait->out_ns = UNKNOWN;
		return;
	}
	if (config.user_stacks) {
		if (!has_user_side(task))
			wait->user = USER_NONE;
		else if (is_in_syscall(task))
			wait->user = USER_SYSCALL;
		else
			wait->user = keep_early_stack(ctx, task->pid);
	}
	wait->out_ns = now_ns;
}

SEC("tp_btf/sched_switch")
int on_sched_switch(__u64 *ctx)
{
	struct task_struct *prev = (void *)ctx[1], *next = (void *)ctx[2];
	struct thread_wait *wait;
	__u64 now_ns, out_ns;

	if (!is_measuring())
		return 0;
	now_ns = bpf_ktime_get_ns();
	leave(ctx, prev, ctx[0] & 1, now_ns);
	wait = wait_state(next);
	if (wait) {
		out_ns = __sync_lock_test_and_set(&wait->out_ns, ON_CPU);
		if (out_ns > BEGINNING && out_ns <= now_ns) {
			if (wait->state != WAIT_NONE && wait->wake_ns == 0)
				COUNT(starts_lost); /* of its time in the queue */
			if (end_wait(next, wait, out_ns, now_ns))
				wait->pending = 1;
		}
		wait->wake_ns = 0;
	}
	account(now_ns);
	return 0;
}

/*
 * Who ended a wait: the stacks of the current context. Of an interrupt only its own part: the
 * thread it interrupted has no share in it. Where interrupts cannot be told, no user stack.
 */
static __noinline void send_waker(void *ctx, __u32 woken, __u64 now_ns)
{
	struct event_slot *slot = take_slot();
	struct stack_sample *sample;
	__u32 of_interrupt;

	if (!slot)
		return;
	sample = &slot->record.sample;
	begin_event(slot, config.source, now_ns);
	sample->link = woken;
	note_kernel_stack(sample,
			  bpf_get_stack(ctx, slot->record.addresses, STACK_BYTES, OWN_FRAMES));
	of_interrupt = interrupt_frames(slot);
	if (of_interrupt > 0)
		sample->kernel_frames = of_interrupt;
	if (!config.kernel_stacks)
		sample->kernel_frames = 0;
	if (of_interrupt > 0 || INTERRUPT_ENTRY_END == 0) {
		sample->tgid = 0;
		sample->pid = 0;
		sample->flags |= SAMPLE_INTERRUPT;
	} else {
		take_user_stack_of_task(ctx, slot);
	}
	send_event(slot, RECORD_WAKER);
	give_back(slot);
}

SEC("tp_btf/sched_waking")
int on_sched_waking(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct thread_wait *wait;
	__u64 now_ns, out_ns;

	if (!is_measuring())
		return 0;
	wait = wait_state(task);
	if (!wait)
		return 0;
	now_ns = bpf_ktime_get_ns();
	wait->wake_ns = now_ns;
	out_ns = wait->out_ns;
	if ((config.options & OPTION_WAKERS) && out_ns > BEGINNING && wait->state != WAIT_NONE &&
	    now_ns > out_ns && now_ns - out_ns >= config.min_ns)
		send_waker(ctx, task->pid, now_ns);
	account(now_ns);
	return 0;
}

/* Completes the waits of a thread whose system call returns. */
SEC("raw_tp/sys_exit")
int on_sys_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct thread_wait *wait = wait_state(bpf_get_current_task_btf());
	struct event_slot *slot;
	__u64 now_ns;

	if (!wait || (!wait->pending && wait->out_ns <= BEGINNING))
		return 0;
	now_ns = bpf_ktime_get_ns();
	if (wait->out_ns > BEGINNING && is_measuring() &&
	    end_unseen_wait(bpf_get_current_task_btf(), wait, now_ns, USER_SYSCALL))
		wait->pending = 1;
	if (!wait->pending)
		return 0;
	wait->pending = 0;
	slot = take_slot();
	if (slot) {
		begin_event(slot, WITH_OFF_CPU ? config.source : RUN_QUEUE_SOURCE, now_ns);
		take_user_stack_of_task(ctx, slot);
		send_event(slot, RECORD_USER_STACK);
		give_back(slot);
	}
	account(now_ns);
	return 0;
}

/* Membership of a thread that need not be the current one. */
static __always_inline bool is_in_cgroup(struct task_struct *task)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	__u64 id = 0, offset = config.cgroup_level * sizeof(__u64);

	if (BPF_CORE_READ(cgroup, level) < (int)config.cgroup_level)
		return false;
	if (bpf_core_field_exists(cgroup->ancestors)) {
		struct cgroup *ancestor = 0;

		offset +=
			__builtin_preserve_field_info(cgroup->ancestors[0], BPF_FIELD_BYTE_OFFSET);
		bpf_probe_read_kernel(&ancestor, sizeof(ancestor), (void *)cgroup + offset);
		id = BPF_CORE_READ(ancestor, kn, id);
	} else {
		struct cgroup___5_4 *old = (void *)cgroup;

		offset +=
			__builtin_preserve_field_info(old->ancestor_ids[0], BPF_FIELD_BYTE_OFFSET);
		bpf_probe_read_kernel(&id, sizeof(id), (void *)cgroup + offset);
	}
	return id == config.cgroup_id;
}

/* A thread of a cgroup target may move in and out: all get a place, leave() decides. */
static __always_inline struct thread_wait *make_place(struct task_struct *task, __u32 tgid)
{
	struct thread_wait *wait;

	if (config.target_kind == TARGET_PROCESS && !bpf_map_lookup_elem(&target_processes, &tgid))
		return 0;
	wait = bpf_task_storage_get(&thread_waits, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!wait)
		COUNT(starts_lost);
	return wait;
}

/* A new thread, not woken yet: it begins by waiting for a CPU. */
SEC("tp_btf/task_newtask")
int on_task_newtask(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct thread_wait *wait;

	if (!is_measuring())
		return 0;
	/* The child of a followed process will be followed: its own number may not be known yet. */
	wait = make_place(task, bpf_get_current_pid_tgid() >> 32);
	if (!wait || (config.target_kind == TARGET_CGROUP && !is_in_cgroup(task)))
		return 0;
	wait->state = WAIT_NONE;
	wait->queue = QUEUE_WOKEN;
	/* It comes to life in the return from a system call. */
	wait->user = config.user_stacks && has_user_side(task) ? USER_SYSCALL : USER_NONE;
	if (WITH_RUN_QUEUE)
		wait->out_ns = bpf_ktime_get_ns();
	return 0;
}

/* For each thread when the session begins: those that wait do so from its start on. */
SEC("iter/task")
int begin_wait(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct thread_wait *wait;
	__u32 task_state;

	if (!task || !is_measuring())
		return 0;
	wait = make_place(task, task->tgid);
	if (!wait || (config.target_kind == TARGET_CGROUP && !is_in_cgroup(task)))
		return 0;
	task_state = state_of(task);
	if ((task_state & TASK_DEAD) || (task_state == 0 && task->on_cpu))
		return 0;
	/* The switch program comes between whenever it likes, and then knows better. */
	if (__sync_val_compare_and_swap(&wait->out_ns, UNKNOWN, BEGINNING) != UNKNOWN)
		return 0;
	wait->state = wait_of(task_state);
	wait->queue = QUEUE_PREEMPTED;
	wait->user = USER_NONE;
	if (config.user_stacks && has_user_side(task))
		wait->user = is_in_syscall(task) ? USER_SYSCALL : USER_MISSED;
	if (wait->state != WAIT_NONE || WITH_RUN_QUEUE)
		__sync_val_compare_and_swap(&wait->out_ns, BEGINNING, state.start_ns);
	return 0;
}

/* For each thread before the last drain: its wait so far. Its user stack will not be known. */
SEC("iter/task")
int end_open_wait(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct thread_wait *wait;
	__u64 out_ns, now_ns;

	if (!task || task->on_cpu || !is_measuring())
		return 0;
	wait = wait_state(task);
	if (!wait)
		return 0;
	now_ns = bpf_ktime_get_ns();
	out_ns = __sync_lock_test_and_set(&wait->out_ns, UNKNOWN);
	if (out_ns <= BEGINNING || out_ns > now_ns)
		return 0;
	if (wait->user == USER_SYSCALL)
		wait->user = USER_MISSED;
	end_wait(task, wait, out_ns, now_ns);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
