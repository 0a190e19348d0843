/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The few kernel structs our programs read, with only the fields they read. libbpf relocates each
 * access against the running kernel's BTF (CO-RE), so layouts here need not match any kernel.
 */
#ifndef EMBERSCOPE_KERNEL_TYPES_H
#define EMBERSCOPE_KERNEL_TYPES_H

#define relocated __attribute__((preserve_access_index))

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
} relocated;

/* Until 6.17. */
struct mm_struct___6_17 {
	unsigned long flags; /* MMF_* */
} relocated;

struct mm_struct {
	struct {
		unsigned long __mm_flags[1];
	} flags;
} relocated;

struct kernfs_node {
	unsigned long long id; /* inode number and generation */
} relocated;

struct cgroup {
	int level; /* root = 0 */
	struct kernfs_node *kn;
	struct cgroup *ancestors[1]; /* root first, itself last; since 6.1 */
} relocated;

/* Before 6.1. */
struct cgroup___5_4 {
	unsigned long long ancestor_ids[1];
} relocated;

struct css_set {
	struct cgroup *dfl_cgrp; /* in the hierarchy of cgroup v2 */
} relocated;

typedef struct {
	unsigned int val;
} kuid_t;

typedef struct {
	unsigned int val;
} kgid_t;

/* 64 bits in any layout: two words before 6.3. */
typedef struct {
	unsigned long long val;
} kernel_cap_t;

struct cred {
	kuid_t uid, suid, euid, fsuid;
	kgid_t gid, sgid, egid, fsgid;
	kernel_cap_t cap_permitted;
} relocated;

struct sched_info {
	unsigned long long run_delay; /* time in the queue so far, ns */
} relocated;

struct task_struct {
	unsigned int flags; /* PF_* */
	int pid;	    /* thread id */
	int tgid;	    /* process id */
	int on_cpu;
	int wake_cpu;	      /* where it ran last, or will run */
	unsigned int __state; /* TASK_*; since 5.14 */
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct css_set *cgroups;
	const struct cred *cred; /* who it acts as */
	struct sched_info sched_info; /* CONFIG_SCHED_INFO */
} relocated;

/* Before 5.14. */
struct task_struct___5_4 {
	long state;
} relocated;

struct gendisk {
	int major;
	int first_minor;
} relocated;

struct request_queue {
	struct gendisk *disk; /* since 5.15 */
} relocated;

struct request {
	struct request_queue *q;
	unsigned int cmd_flags; /* low 8 bits: REQ_OP_* */
	unsigned int __data_len;
} relocated;

/* Before 5.17. */
struct request___5_4 {
	struct gendisk *rq_disk;
} relocated;

/* What a program of iter/task gets; task is 0 in the last call. */
struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} relocated;

/* include/linux/sched.h; values unchanged since 5.12 (PF_IO_WORKER) and 2.6.24 (PF_KTHREAD). */
#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD   0x00200000

/* include/linux/mm_types.h: low bits of the flags; unchanged since 3.14. */
#define MMF_DUMPABLE_MASK 3
#define SUID_DUMP_USER	  1 /* prctl(2), PR_SET_DUMPABLE */

#endif
