/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which ticks belong to the capture's target, and how the set of target processes follows forks.
 * Expects `config` (struct capture_config) and `state` (struct capture_state) to be defined.
 */
#ifndef EMBERSCOPE_TARGET_BPF_H
#define EMBERSCOPE_TARGET_BPF_H

/*
 * TARGET_PROCESS: the processes now followed. Key: tgid. Value: unused. Preallocated, as programs
 * that run in NMI context require. Full: targets_full rises, that child is not followed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u8);
} target_processes SEC(".maps");

/*
 * Processes that left the target by becoming more powerful than the user who records, and when (CLOCK_MONOTONIC).
 * With one that a user is authorized for alone: own_uid. Key: tgid. The oldest give way to new ones.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} departures SEC(".maps");

static __always_inline struct cpu_counters *this_cpu_counters(void)
{
	__u64 cpu = bpf_get_smp_processor_id();

	if (cpu >= MAX_CPUS)
		return 0;
	/* Or clang computes the address from a copy made before the check: Linux 6.1 sees no bound
	 * on it. */
	barrier_var(cpu);
	return &state.cpus[cpu];
}

/* As the kernel judges who may look into a process: ptrace(2), "Ptrace access mode checking". */
static __always_inline bool is_dumpable(struct mm_struct *mm)
{
	struct mm_struct___6_17 *old = (void *)mm;
	unsigned long flags = 0;

	if (!mm)
		return true; /* its memory is gone */
	if (bpf_core_field_exists(old->flags))
		bpf_core_read(&flags, sizeof(flags), &old->flags);
	else
		bpf_core_read(&flags, sizeof(flags), &mm->flags);
	return (flags & MMF_DUMPABLE_MASK) == SUID_DUMP_USER;
}

/*
 * CAP_WAKE_ALARM, to wake the machine by timers: systemd gives it to all of a user's session since
 * version 254. include/uapi/linux/capability.h
 */
#define HARMLESS_CAPABILITIES (1ULL << 35)

/* Whether a task has no more power than the user whose processes may be recorded. */
static __always_inline bool is_own(struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);
	__u64 permitted = 0;

	bpf_core_read(&permitted, sizeof(permitted), &cred->cap_permitted);
	return (permitted & ~HARMLESS_CAPABILITIES) == 0 &&
	       BPF_CORE_READ(cred, uid.val) == config.own_uid &&
	       BPF_CORE_READ(cred, euid.val) == config.own_uid &&
	       BPF_CORE_READ(cred, suid.val) == config.own_uid &&
	       BPF_CORE_READ(cred, fsuid.val) == config.own_uid &&
	       BPF_CORE_READ(cred, gid.val) == config.own_gid &&
	       BPF_CORE_READ(cred, egid.val) == config.own_gid &&
	       BPF_CORE_READ(cred, sgid.val) == config.own_gid &&
	       BPF_CORE_READ(cred, fsgid.val) == config.own_gid &&
	       is_dumpable(BPF_CORE_READ(task, mm));
}

/*
 * Whether a task of a followed process may be looked into now: since a call or a wait of its began it may
 * have become, or be about to become by an exec, a program that its user may not look into.
 */
static __always_inline bool is_still_own(struct task_struct *task)
{
	__u32 tgid;

	if (config.own_uid == ANY_UID)
		return true;
	tgid = BPF_CORE_READ(task, tgid);
	return bpf_map_lookup_elem(&target_processes, &tgid) != 0 && is_own(task);
}

/* Whether the current process, of that number, is recorded. */
static __always_inline bool in_target(__u32 tgid)
{
	if (config.target_kind == TARGET_PROCESS)
		return bpf_map_lookup_elem(&target_processes, &tgid) != 0 &&
		       (config.own_uid == ANY_UID ||
			is_own((struct task_struct *)bpf_get_current_task()));
	if (config.target_kind == TARGET_CGROUP)
		return bpf_get_current_ancestor_cgroup_id(config.cgroup_level) == config.cgroup_id;
	return true;
}

/* The helper must not tell of a process what it does after it left. */
static __always_inline void note_departure(__u32 tgid)
{
	__u64 time_ns = bpf_ktime_get_ns();

	bpf_map_update_elem(&departures, &tgid, &time_ns, BPF_ANY);
}

/*
 * The tracepoints below run in task context and may be interrupted by a tick that changes the same
 * row, hence the atomic additions here and plain ones in the tick.
 */
static __always_inline void account_tracepoint(__u64 start_ns)
{
	struct cpu_counters *counters = this_cpu_counters();

	if (!counters)
		return;
	__sync_fetch_and_add(&counters->runs, 1);
	__sync_fetch_and_add(&counters->run_ns, bpf_ktime_get_ns() - start_ns);
}

static __always_inline void follow_child(struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = BPF_CORE_READ(parent, tgid);
	__u32 tgid = BPF_CORE_READ(child, tgid);
	__u8 present = 1;
	struct cpu_counters *counters;

	if ((__u32)BPF_CORE_READ(child, pid) != tgid)
		return; /* a new thread of the same process */
	if (!bpf_map_lookup_elem(&target_processes, &parent_tgid))
		return;
	if (bpf_map_update_elem(&target_processes, &tgid, &present, BPF_NOEXIST) == 0) {
		__sync_fetch_and_add(&state.member_change, 1);
		return;
	}
	counters = this_cpu_counters();
	if (counters)
		__sync_fetch_and_add(&counters->targets_full, 1);
}

/*
 * After an exec: a set-user-id or set-group-id program, one with file capabilities, or one that may not
 * be read, is nothing that its caller may look into, even as a child of his. Returns whether the process
 * still belongs to the target.
 */
static __always_inline bool stays_own(struct task_struct *task, __u32 tgid)
{
	struct cpu_counters *counters;

	if (config.own_uid == ANY_UID || is_own(task))
		return true;
	if (bpf_map_delete_elem(&target_processes, &tgid) != 0)
		return true; /* it was none before */
	note_departure(tgid);
	__sync_fetch_and_add(&state.member_change, -1);
	counters = this_cpu_counters();
	if (counters)
		__sync_fetch_and_add(&counters->privileged, 1);
	return false;
}

static __always_inline void forget_process(struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);

	/* do_exit() decrements signal->live before the tracepoint: 0 means the last thread. */
	if (BPF_CORE_READ(task, signal, live.counter) != 0)
		return;
	if (bpf_map_delete_elem(&target_processes, &tgid) != 0)
		return;
	__sync_fetch_and_add(&state.member_change, -1);
	/* It may have ended in the middle of an exec. */
	if (config.own_uid != ANY_UID && !is_own(task))
		note_departure(tgid);
}

#endif
