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

struct mm_struct;

struct task_struct {
	unsigned int flags; /* PF_* */
	int pid;	    /* thread id */
	int tgid;	    /* process id */
	struct mm_struct *mm;
	struct signal_struct *signal;
} relocated;

/* include/linux/sched.h; values unchanged since 5.12 (PF_IO_WORKER) and 2.6.24 (PF_KTHREAD). */
#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD   0x00200000

#endif
