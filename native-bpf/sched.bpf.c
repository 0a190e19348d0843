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
 * Keys of off-CPU: WAIT_*, of the run queue: QUEUE_*; parameters: wait.bpf.h.
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "wire.h"
#include "wait.bpf.h"

#define OPTION_WAKERS 1
/* Leaf frames that are the tracer's: this program's two, and bpf_trace_run1(). */
#define OWN_FRAMES 3

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

/* The current thread leaves its CPU. */
static __always_inline void leave(void *ctx, struct task_struct *task, bool preempted, __u64 now_ns)
{
	struct thread_wait *wait = wait_state(task);
	__u32 task_state;

	if (!wait)
		return;
	if (wait->out_ns > BEGINNING)
		end_unseen_wait(task, wait, USER_MISSED);
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
	wait->delay_ns = delay_of(task);
	wait->choice = CHOICE_NONE;
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
		} else if (out_ns == ON_CPU) {
			COUNT(starts_lost); /* nobody saw it leave */
		}
		wait->wake_ns = 0;
	}
	account_some(now_ns);
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
	    now_ns > out_ns && now_ns - out_ns >= config.min_ns) {
		/* Made once: a waker without a wait would go to the next one. */
		wait->choice = choose(CHOICE_NONE);
		if (wait->choice == CHOICE_SEND)
			send_waker(ctx, task->pid, now_ns);
	}
	account_some(now_ns);
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
	    end_unseen_wait(bpf_get_current_task_btf(), wait, USER_SYSCALL))
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
	account_some(now_ns);
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
	/* Who waits at the end is worth knowing, and told once. */
	wait->choice = CHOICE_SEND;
	end_wait(task, wait, out_ns, now_ns);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
