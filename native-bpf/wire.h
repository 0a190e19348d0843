/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every struct that crosses from BPF programs to user space: the single source.
 * main/capture/wire/records.ts mirrors it; test/wire compares both through the objects' BTF.
 * Fixed-width types, explicit padding, no pointers, no bitfields.
 */
#ifndef EMBERSCOPE_WIRE_H
#define EMBERSCOPE_WIRE_H

/* Frames kept per stack: the default of the sysctl kernel.perf_event_max_stack. */
#define MAX_STACK_DEPTH 127

/* Why a sample lacks part of its stacks; bits of stack_sample.flags. */
#define SAMPLE_KERNEL_TRUNCATED 0x01 /* kernel stack reached MAX_STACK_DEPTH */
#define SAMPLE_USER_TRUNCATED	0x02 /* user stack reached MAX_STACK_DEPTH */
#define SAMPLE_KERNEL_MISSED	0x04 /* the kernel stack could not be read */
#define SAMPLE_USER_MISSED	0x08 /* the user stack could not be read; not for kernel threads */
#define SAMPLE_IDLE		0x10 /* taken in the idle task */
#define SAMPLE_INTERRUPT	0x20 /* of a RECORD_WAKER: an interrupt, not the thread it hit */
#define SAMPLE_UNWIND_SHIFT	8    /* bits 8 to 15: UNWIND_*, how the user stack's walk ended */

/* Why a walk up a user stack ended; main/shared/model/unwind-stop.ts says what each means. */
#define UNWIND_UNKNOWN		0
#define UNWIND_COMPLETE		1
#define UNWIND_DEPTH		2
#define UNWIND_NO_PROCESS	3
#define UNWIND_NO_MAPPING	4
#define UNWIND_NO_TABLE		5
#define UNWIND_NO_FRAME_POINTER 6
#define UNWIND_UNSUPPORTED	7
#define UNWIND_UNREADABLE	8
#define UNWIND_NO_PROGRESS	9
#define UNWIND_NO_REGISTERS	10
#define UNWIND_STEP_LIMIT	11
#define UNWIND_STOPS		12

/*
 * One sample. Followed on the ring buffer by kernel_frames then user_frames addresses (u64 each),
 * leaf first; callers are return addresses. Aggregated samples use the same layout: their weight is
 * the number of samples, their time and CPU are those of the latest.
 */
struct stack_sample {
	__u64 time_ns;	 /* CLOCK_MONOTONIC, ns; of a duration: when it ended */
	__u64 cgroup_id; /* cgroup v2 id of the task; 0 unknown */
	__u64 value;	 /* what was measured, in the source's unit (durations: ns); on-CPU: 0 */
	__u64 key;	 /* of what it was measured, as the source defines; 0 none */
	__u32 tgid;	 /* process id as user space means it */
	__u32 pid;	 /* thread id as user space means it */
	__u32 cpu;	 /* CPU number */
	__u32 weight;	 /* samples or calls this record stands for */
	__u16 kernel_frames; /* addresses that follow, kernel stack */
	__u16 user_frames;   /* addresses that follow, user stack */
	__u16 source;	     /* index of the capture source in the request */
	__u16 kind;	     /* RECORD_* */
	__u32 flags;	     /* SAMPLE_* */
	__u32 link; /* RECORD_WAKER: pid of the thread woken; RECORD_EXAMPLE: its place, see there
		     */
	__u16 payload; /* bytes that follow the addresses, a multiple of 8: RECORD_EVENT */
	__u16 reserved[3];
};

/* What a stack_sample is; stack_sample.kind. */
#define RECORD_SAMPLE 0 /* complete */
/* Its user stack follows in the thread's next RECORD_USER_STACK: it could not be read then. */
#define RECORD_PENDING	  1
#define RECORD_USER_STACK 2 /* completes the thread's RECORD_PENDING so far; measures nothing */
/* The stack of whoever woke thread `link`: belongs to that thread's next RECORD_PENDING or SAMPLE.
 */
#define RECORD_WAKER 3
/*
 * One of a histogram's calls, chosen at random. Place: slot in its reservoir in the low half, low
 * 16 bits of the slice in the high half. A later record of the same place, key and bucket replaces
 * it.
 */
#define RECORD_EXAMPLE	       4
#define RECORD_EVENT	       5 /* one event of a trace; its fields follow as payload */
#define RECORD_PENDING_EXAMPLE 6 /* RECORD_EXAMPLE as RECORD_PENDING: its user stack follows */

/* Histograms: log-linear buckets, 32 per power of two (main/shared/model/latency-buckets.ts). */
#define LATENCY_SUB_BITS	5
#define LATENCY_OVERFLOW_BUCKET 1152
#define EXAMPLES_PER_BUCKET	4

/* Most that follows the addresses of a RECORD_EVENT, bytes. */
#define MAX_PAYLOAD 512

/* Traces: a filter is a list of steps in postfix order, each adding or joining outcomes. */
#define MAX_FILTER_STEPS 64
#define FILTER_TEXT	 16 /* bytes of a text that are compared */

/* trace_step.kind */
#define FILTER_NUMBER 0
#define FILTER_STRING 1
#define FILTER_AND    2
#define FILTER_OR     3
#define FILTER_NOT    4

/* trace_step.compare; of texts LESS means "begins with" */
#define COMPARE_EQUAL	   0
#define COMPARE_NOT_EQUAL  1
#define COMPARE_LESS	   2
#define COMPARE_LESS_EQUAL 3
#define COMPARE_BITS	   4

struct trace_step {
	__u8 kind;
	__u8 compare;
	__u8 is_signed;
	__u8 reserved;
	__u16 offset; /* of the field in the payload, bytes */
	__u16 size;   /* of the field, bytes */
	__u64 value;
	__u8 text[FILTER_TEXT];
};

/*
 * Traces of calls and of USDT probes: where a field's value is. The address is the sum of two
 * registers, the second shifted, and a displacement; registers are words of struct pt_regs.
 */
struct trace_argument {
	__u8 place; /* ARGUMENT_* */
	__u8 base;
	__u8 scaled;
	__u8 shift;
	__u16 offset; /* of the field in the payload, bytes: a multiple of 8, of a text of 64 */
	__u16 size;   /* bytes to read from memory */
	__s64 displacement;
};

/* trace_argument.place */
#define ARGUMENT_VALUE	0 /* the address itself: a register, a constant */
#define ARGUMENT_MEMORY 1 /* what user memory holds there */
#define ARGUMENT_TEXT	2 /* the text there, in user or kernel memory as the address says */

#define MAX_ARGUMENTS	16
#define ARGUMENT_TEXT_BYTES 64

/* Words beyond struct pt_regs that fields may name as registers; a power of two in all. */
#define REGISTER_WORDS 32
#define REGISTER_TOOK  30 /* at a return: how long the call took, ns */
#define REGISTER_NONE  31 /* zero */

/* Slices of time are counted from capture_state.start_ns. */
#define SLICE_NS 1000000000ULL

/* Key of the histogram maps. Every byte counts: padding is explicit and zero. */
struct histogram_key {
	__u64 key;  /* as stack_sample.key */
	__u32 tgid; /* 0: not told apart by process */
	__u16 source;
	__u16 bucket;
	__u32 slice;
	__u32 reserved;
};

/* Value of the histogram maps. */
struct histogram_value {
	__u64 count;
	__u64 total_ns; /* sum of the values counted */
	__u64 max_ns;	/* may miss a value when two CPUs count at once */
};

/* capture_config.detail: what a latency source keeps of its calls */
#define DETAIL_EVENTS	 0 /* each call with its stacks */
#define DETAIL_HISTOGRAM 1 /* counts per bucket, and examples with stacks */

/*
 * One CPU's counters: a row of capture_state, read through the mapped array without a system call.
 * All monotonically increasing. Each CPU writes only its own row.
 */
struct cpu_counters {
	__u64 samples;	      /* samples accepted (recorded or lost after acceptance) */
	__u64 idle;	      /* ticks in the idle task */
	__u64 filtered;	      /* ticks outside the target */
	__u64 ring_full;      /* samples lost: no room on the ring buffer */
	__u64 stacks_full;    /* aggregate: stacks lost, the stack map was full */
	__u64 counts_full;    /* aggregate: samples lost, the count map was full */
	__u64 truncated;      /* samples with a stack cut at MAX_STACK_DEPTH */
	__u64 missed;	      /* samples with an unreadable stack */
	__u64 targets_full;   /* children not followed: target set full */
	__u64 runs;	      /* runs of our programs on this CPU */
	__u64 run_ns;	      /* ns spent inside them, bpf_ktime_get_ns differences */
	__u64 histogram_full; /* values counted nowhere: the slice's histogram map was full */
	__u64 unwind_stops[UNWIND_STOPS]; /* walks by how they ended */
	__u64 starts_lost;   /* calls whose beginning could not be noted: nested too deep, no memory
			      */
	__u64 busy;	     /* records lost: programs nested deeper than there is room for */
	__u64 events;	     /* what latency sources and traces saw, recorded or not */
	__u64 below_minimum; /* of them, shorter than asked for */
	__u64 rate_limited;  /* of them, above the trace's limit per second */
	__u64 skipped;	     /* calls not measured because of capture_state.backoff */
	__u64 privileged;    /* processes left: their program has more power than the user */
	__u64 padding[1];    /* pads the row to four cache lines */
};

/* CPUs with a row of their own; ticks on a CPU beyond are not sampled. */
#define MAX_CPUS 1024

/* All of .bss, one for all objects: mapped by the helper. */
struct capture_state {
	__u32 slice; /* aggregate: counts go to the map set slice & 1; written by the helper */
	__s32 member_change; /* members of target_processes the programs added less removed */
	__u64 start_ns;	     /* CLOCK_MONOTONIC of session start, by the helper; 0: not measuring */
	__u32 backoff; /* one in 2^backoff calls is measured and stands for all; by the helper */
	__u32 reserved[11]; /* keeps the rows on cache lines of their own */
	struct cpu_counters cpus[MAX_CPUS];
};

/* capture_config.target_kind */
#define TARGET_MACHINE 0
#define TARGET_PROCESS 1
#define TARGET_CGROUP  2

/* All of .rodata of each object: written by the helper before its programs are loaded. */
struct capture_config {
	__u64 cgroup_id;    /* TARGET_CGROUP: inode number of the cgroup v2 directory */
	__u32 cgroup_level; /* its depth below the root, root = 0 */
	__u32 target_kind;  /* TARGET_* */
	__u32 aggregate;    /* 1: count stacks in maps; 0: send each sample */
	__u32 include_idle; /* 1: keep samples of the idle task (machine targets) */
	__u32 kernel_stacks;
	__u32 user_stacks;
	__u32 unwind; /* UNWIND_MODE_* */
	__u32 source; /* index of this object's source in the request: stack_sample.source */
	/* Latency sources. */
	__u64 min_ns;	     /* shorter ones are counted but not recorded */
	__u32 detail;	     /* DETAIL_* */
	__u32 options;	     /* bits, as the object defines them */
	__u64 parameters[8]; /* as the object defines them */
	__u32 own_uid; /* only processes with no more power than this user; ANY_UID: all */
	__u32 own_gid; /* his group */
};

/* No user has this id: include/linux/uidgid.h. */
#define ANY_UID 0xffffffff

/* capture_config.unwind */
#define UNWIND_MODE_FP	 0 /* by the kernel, along frame pointers */
#define UNWIND_MODE_AUTO 1 /* by tables, and by frame pointer where they have no row */
#define UNWIND_MODE_EH	 2 /* by tables alone */

/* Aggregate mode: key of the count map. Every byte counts: padding is explicit and zero. */
struct count_key {
	__u32 tgid;
	__u32 pid;
	__u64 cgroup_id;
	__u64 kernel_stack;  /* key in the stack map; 0: none, or lost */
	__u64 user_stack;    /* key in the stack map; 0: none, or lost */
	__u16 kernel_frames; /* addresses valid in the stack map's value */
	__u16 user_frames;
	__u32 unwind_stop; /* UNWIND_*, how the user stack's walk ended */
};

/* Aggregate mode: value of the count map. */
struct count_value {
	__u64 samples;
	__u64 last_ns;	/* CLOCK_MONOTONIC of the latest of them, ns */
	__u32 last_cpu; /* and its CPU */
	__u32 flags;	/* SAMPLE_* of all of them, or-ed */
};

/*
 * Unwind tables. An image's text is divided in pages of 64 KiB; a page's rows are a u32 each: in
 * its low half the low 16 bits of the address where the row begins to hold, in its high half the
 * rule. The first row of a page is at its first byte, so a search never leaves the page. Rows lie
 * in chunks; a page's rows never straddle two.
 */
#define UNWIND_PAGE_SHIFT   16
#define UNWIND_CHUNK_SHIFT  17	/* rows of a chunk: 131,072, 512 KiB */
#define UNWIND_CHUNKS	    512 /* 256 MiB */
#define UNWIND_PAGES	    131072
#define UNWIND_RULES	    32768
#define UNWIND_MAPPINGS	    131072
#define UNWIND_PROCESSES    32768
#define UNWIND_WANTED_BYTES 65536

/* Where a page's rows are; rows 0: nothing is known of it. */
struct unwind_page {
	__u32 first; /* chunk << UNWIND_CHUNK_SHIFT | row in it */
	__u32 rows;
};

/* How to find a caller; main/unwind/unwind-table.ts says what the kinds mean. */
struct unwind_rule {
	__u8 cfa_kind;
	__u8 cfa_register; /* DWARF number */
	__u8 fp_kind;
	__u8 ra_kind;
	__s32 cfa_offset;
	__s32 cfa_addend;
	__s32 fp_offset;
	__s32 ra_offset;
	__s32 reserved;
};

/* An executable mapping of a process; sorted by start within the process's slice. */
struct unwind_mapping {
	__u64 start;
	__u64 end;
	__u64 bias;	  /* address in memory less address in the image's page space */
	__u32 first_page; /* index into unwind_pages */
	__u32 pages;
	__u32 kind; /* UNWIND_MAPPING_* */
	__u32 rule; /* UNWIND_MAPPING_RULE: the one rule for all of it */
};
#define UNWIND_MAPPING_TABLE   0 /* has a table */
#define UNWIND_MAPPING_PENDING 1 /* its table is not loaded */
#define UNWIND_MAPPING_JIT     2 /* no file: frame pointer */
#define UNWIND_MAPPING_RULE    3 /* one rule for all of it */
#define UNWIND_MAPPING_BARE    4 /* a file without unwind information, as Go's: frame pointer */

/* A process's slice of unwind_mappings. */
struct unwind_process {
	__u32 first;
	__u32 count;
	__u64 asked_ns; /* when the helper was last asked to look at it, CLOCK_MONOTONIC */
};

/* On the ring buffer unwind_wanted: a process whose mappings the helper should read. */
struct unwind_request {
	__u32 tgid;
	__u32 reason; /* UNWIND_COMPLETE: it replaced its program; else why a walk ended */
};

#endif
