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

static __always_inline bool in_target(__u32 tgid)
{
	if (config.target_kind == TARGET_PROCESS)
		return bpf_map_lookup_elem(&target_processes, &tgid) != 0;
	if (config.target_kind == TARGET_CGROUP)
		return bpf_get_current_ancestor_cgroup_id(config.cgroup_level) == config.cgroup_id;
	return true;
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

/* Whether a task has no more power than the user whose processes may be recorded. */
static __always_inline bool is_own(struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);
	__u64 permitted = 0;

	bpf_core_read(&permitted, sizeof(permitted), &cred->cap_permitted);
	return permitted == 0 && BPF_CORE_READ(cred, uid.val) == config.own_uid &&
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
 * Whether a process may still be looked into: since a call or a wait of its began it may have become a
 * program that its caller may not look into.
 */
static __always_inline bool is_still_own(__u32 tgid)
{
	return config.own_uid == ANY_UID || bpf_map_lookup_elem(&target_processes, &tgid) != 0;
}

/* Tells the helper, which must not tell of the process what it does from now on. */
static __always_inline void note_departure(__u32 tgid)
{
	struct departure *place = &state.departures[tgid & (DEPARTURES - 1)];
	struct cpu_counters *counters = this_cpu_counters();

	place->tgid = tgid;
	place->time_ns = bpf_ktime_get_ns();
	/* Last: who counts more departures than he finds knows that one hid another. */
	if (counters)
		__sync_fetch_and_add(&counters->privileged, 1);
}

/*
 * After an exec: a set-user-id or set-group-id program, one with file capabilities, or one that may not
 * be read, is nothing that its caller may look into, even as a child of his. Returns whether the process
 * still belongs to the target.
 */
static __always_inline bool stays_own(struct task_struct *task, __u32 tgid)
{
	if (config.own_uid == ANY_UID || is_own(task))
		return true;
	if (bpf_map_delete_elem(&target_processes, &tgid) != 0)
		return true; /* it was none before */
	note_departure(tgid);
	__sync_fetch_and_add(&state.member_change, -1);
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
	/* Ended in the middle of an exec. */
	if (config.own_uid != ANY_UID && !is_own(task))
		note_departure(tgid);
}

#endif
