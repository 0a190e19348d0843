/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Walks a user stack by unwind tables (.eh_frame in a searchable form, put here by the helper),
 * with a step by frame pointer wherever no row exists.
 *
 * Tail calls carry the walk on: FRAMES_PER_CALL frames at a time, so that the verifier sees a short
 * program. The searches are global functions with scalar arguments, which it checks once each.
 */
#ifndef EMBERSCOPE_UNWIND_BPF_H
#define EMBERSCOPE_UNWIND_BPF_H

#define FRAMES_PER_CALL 8
/* 127 frames need 16 calls; the kernel allows 33. */
#define MAX_UNWIND_CALLS 20

#define CFA_NONE	0
#define CFA_REGISTER	1
#define CFA_DEREFERENCE 2
#define CFA_PLT		3
#define CFA_SIGNAL	4

#define FP_SAME	     0
#define FP_AT_CFA    1
#define FP_AT_FP     2
#define FP_UNDEFINED 3

#define RA_AT_CFA 0
#define RA_END	  1

/* DWARF register numbers of x86-64 (psABI, figure 3.36). */
#define REG_RBP	  6
#define REG_RSP	  7
#define REGISTERS 16

struct unwind_chunk {
	__u32 rows[1 << UNWIND_CHUNK_SHIFT];
};
struct unwind_chunk_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, sizeof(struct unwind_chunk));
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, UNWIND_CHUNKS);
	__type(key, __u32);
	__array(values, struct unwind_chunk_map);
} unwind_chunks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_PAGES);
	__type(key, __u32);
	__type(value, struct unwind_page);
} unwind_pages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_RULES);
	__type(key, __u32);
	__type(value, struct unwind_rule);
} unwind_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, UNWIND_MAPPINGS);
	__type(key, __u32);
	__type(value, struct unwind_mapping);
} unwind_mappings SEC(".maps");

/* Key: tgid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UNWIND_PROCESSES);
	__type(key, __u32);
	__type(value, struct unwind_process);
} unwind_processes SEC(".maps");

/* Processes the helper should look at. Full: it is asked again with a later sample. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, UNWIND_WANTED_BYTES);
} unwind_wanted SEC(".maps");

/* A power of two: frames of most functions are smaller. */
#define WINDOW_WORDS 32

/* A walk under way. */
struct unwind_walk {
	__u64 registers[REGISTERS]; /* by DWARF number */
	__u64 window[WINDOW_WORDS]; /* of the stack, from window_start on */
	__u64 window_start;	    /* 0: holds nothing */
	__u64 pc;
	__u64 start_ns;
	__u32 known; /* bits: registers whose value is known */
	__u32 first; /* the process's slice of unwind_mappings */
	__u32 count;
	__u32 mapping; /* index the last frame was found at */
	__u32 calls;
	__u32 is_leaf; /* pc is where execution stands, not a return address */
};
#define NOT_FOUND  0xffffffffU
#define CHUNK_MASK ((1 << UNWIND_CHUNK_SHIFT) - 1)

/* Index of the mapping that holds the address. */
__noinline __u32 find_mapping(__u32 first, __u32 count, __u64 address)
{
	__u32 low = first, high = first + count;
	struct unwind_mapping *mapping;

	for (int step = 0; step < 17; step++) {
		__u32 middle;

		if (low >= high)
			break;
		middle = low + (high - low) / 2;
		mapping = bpf_map_lookup_elem(&unwind_mappings, &middle);
		if (!mapping)
			return NOT_FOUND;
		if (mapping->end <= address)
			low = middle + 1;
		else if (mapping->start > address)
			high = middle;
		else
			return middle;
	}
	return NOT_FOUND;
}

/* The rule that holds at an address of a page. */
__noinline __u32 find_rule(__u32 page_index, __u32 low_bits)
{
	struct unwind_page *page = bpf_map_lookup_elem(&unwind_pages, &page_index);
	__u32 low, high, chunk_index, zero = 0;
	struct unwind_chunk *chunk;
	void *map;

	if (!page || page->rows == 0)
		return NOT_FOUND;
	chunk_index = page->first >> UNWIND_CHUNK_SHIFT;
	map = bpf_map_lookup_elem(&unwind_chunks, &chunk_index);
	if (!map)
		return NOT_FOUND;
	chunk = bpf_map_lookup_elem(map, &zero);
	if (!chunk)
		return NOT_FOUND;
	low = page->first & CHUNK_MASK;
	high = low + page->rows;
	/* The last row at or below the address. */
	for (int step = 0; step < 17; step++) {
		__u32 middle;

		if (high - low <= 1)
			break;
		middle = (low + high) >> 1;
		if ((chunk->rows[middle & CHUNK_MASK] & 0xffff) <= low_bits)
			low = middle;
		else
			high = middle;
	}
	return chunk->rows[low & CHUNK_MASK] >> 16;
}

/* struct pt_regs as user space sees it (asm/ptrace.h): the order cannot change. */
struct user_registers {
	__u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	__u64 orig_rax, rip, cs, eflags, rsp, ss;
};

/* What the kernel's signal frame saves, from ucontext.uc_mcontext on (asm/sigcontext.h). */
struct signal_registers {
	__u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip;
};
#define UCONTEXT_REGISTERS 40 /* offset of uc_mcontext, bytes */

/* A process is asked about no more often than this, ns. */
#define ASK_PERIOD_NS 20000000ULL

static __noinline void ask_for(struct unwind_request *request)
{
	bpf_ringbuf_output(&unwind_wanted, request, sizeof(*request), BPF_RB_FORCE_WAKEUP);
}

/* Has the helper read the mappings of a process whose walk failed for want of them. */
static __always_inline void ask_after_walk(__u32 tgid, __u32 stop, __u64 now_ns)
{
	struct unwind_request request = {.tgid = tgid, .reason = stop};
	struct unwind_process *process;

	if (stop != UNWIND_NO_PROCESS && stop != UNWIND_NO_MAPPING)
		return;
	process = bpf_map_lookup_elem(&unwind_processes, &tgid);
	if (process) {
		if (now_ns < process->asked_ns + ASK_PERIOD_NS)
			return;
		process->asked_ns = now_ns;
	}
	ask_for(&request);
}

#define STEP_ON 0xff /* step(): the walk goes on */

#define KNOWN(reg)	(1U << (reg))
#define ALL_KNOWN	0xffffU
#define CALLER_KNOWN	(KNOWN(REG_RBP) | KNOWN(REG_RSP))
#define MAX_FRAME_BYTES (64ULL << 20) /* a frame pointer further up the stack is none */
#define CODE_SEGMENT_32 0x23	      /* __USER32_CS: 32-bit programs, whose tables are not read */
#define FIRST_PAGE_SIZE 4096	      /* nothing is ever mapped below */

/* Begins a frame whose registers are all known, in DWARF's order. */
#define SET_REGISTERS(walk, from)                                                                  \
	do {                                                                                       \
		(walk)->registers[0] = (from).rax;                                                 \
		(walk)->registers[1] = (from).rdx;                                                 \
		(walk)->registers[2] = (from).rcx;                                                 \
		(walk)->registers[3] = (from).rbx;                                                 \
		(walk)->registers[4] = (from).rsi;                                                 \
		(walk)->registers[5] = (from).rdi;                                                 \
		(walk)->registers[6] = (from).rbp;                                                 \
		(walk)->registers[7] = (from).rsp;                                                 \
		(walk)->registers[8] = (from).r8;                                                  \
		(walk)->registers[9] = (from).r9;                                                  \
		(walk)->registers[10] = (from).r10;                                                \
		(walk)->registers[11] = (from).r11;                                                \
		(walk)->registers[12] = (from).r12;                                                \
		(walk)->registers[13] = (from).r13;                                                \
		(walk)->registers[14] = (from).r14;                                                \
		(walk)->registers[15] = (from).r15;                                                \
		(walk)->pc = (from).rip;                                                           \
		(walk)->known = ALL_KNOWN;                                                         \
		(walk)->is_leaf = 1;                                                               \
	} while (0)

static __always_inline bool read_user(void *to, __u32 bytes, __u64 address)
{
	return bpf_probe_read_user(to, bytes, (const void *)address) == 0;
}

/*
 * A word of the stack. The stack is read in blocks: a read takes longer than the rest of a step,
 * however little it reads.
 */
static __always_inline bool read_stack(struct unwind_walk *walk, __u64 *word, __u64 address)
{
	__u64 at = address - walk->window_start;

	if (walk->window_start == 0 || at > (WINDOW_WORDS - 1) * sizeof(__u64) || (at & 7)) {
		walk->window_start = 0;
		if (!read_user(walk->window, sizeof(walk->window), address))
			return read_user(word, sizeof(*word), address); /* the stack's end */
		walk->window_start = address;
		at = 0;
	}
	*word = walk->window[at >> 3 & (WINDOW_WORDS - 1)];
	return true;
}

static __always_inline void enter_caller(struct unwind_walk *walk, __u64 cfa, __u64 pc)
{
	walk->registers[REG_RSP] = cfa;
	walk->known &= CALLER_KNOWN;
	walk->pc = pc;
	walk->is_leaf = 0;
}

static __always_inline __u32 step_by_signal_frame(struct unwind_walk *walk)
{
	struct signal_registers saved;

	if (!read_user(&saved, sizeof(saved), walk->registers[REG_RSP] + UCONTEXT_REGISTERS))
		return UNWIND_UNREADABLE;
	SET_REGISTERS(walk, saved);
	return STEP_ON;
}

/* mov $15, %rax; syscall: what signal handlers return to, where no unwind information says so. */
#define SIGNAL_RETURN 0x0f0000000fc0c748ULL

__noinline __u32 is_signal_return(__u64 pc)
{
	__u64 code;

	return bpf_probe_read_user(&code, sizeof(code), (const void *)pc) == 0 &&
	       code == SIGNAL_RETURN;
}

/*
 * One step by frame pointer, in code that has no table. Never where there should be one: code
 * without frame pointers keeps anything in rbp, the 0 that looks like the end as well. A garbage
 * chain may lead anywhere: the address must lie in code that is known. Returns STEP_ON,
 * UNWIND_COMPLETE at the outermost frame, or `otherwise`. `bare`: the mapping, if it is one whose
 * code has stacks of its own to switch between, as Go's runtime does; its frames lead across them.
 */
static __always_inline __u32 step_by_frame_pointer(struct unwind_walk *walk,
						   const struct unwind_mapping *bare,
						   __u32 otherwise)
{
	__u64 fp = walk->registers[REG_RBP], caller_fp, pc;
	bool far = fp - walk->registers[REG_RSP] > MAX_FRAME_BYTES;

	if (config.unwind == UNWIND_MODE_EH || !(walk->known & KNOWN(REG_RBP)))
		return otherwise;
	if (fp == 0)
		return UNWIND_COMPLETE;
	if (far && !bare)
		return otherwise;
	if (far && !walk->is_leaf && is_signal_return(walk->pc))
		return step_by_signal_frame(walk);
	if ((fp & 7) != 0 || !read_stack(walk, &caller_fp, fp) || !read_stack(walk, &pc, fp + 8))
		return otherwise;
	if (pc == 0)
		return UNWIND_COMPLETE;
	if (far && (pc <= bare->start || pc > bare->end))
		return otherwise;
	if (walk->count && find_mapping(walk->first, walk->count, pc - 1) == NOT_FOUND)
		return otherwise;
	walk->registers[REG_RBP] = caller_fp;
	enter_caller(walk, fp + 16, pc);
	return STEP_ON;
}

static __always_inline __u32 step_by_rule(struct unwind_walk *walk, __u32 index)
{
	struct unwind_rule *rule = bpf_map_lookup_elem(&unwind_rules, &index);
	__u64 sp = walk->registers[REG_RSP], cfa, value;
	__u32 base;

	if (rule && rule->ra_kind == RA_END)
		return UNWIND_COMPLETE;
	if (!rule || rule->cfa_kind == CFA_NONE)
		return step_by_frame_pointer(walk, 0, UNWIND_NO_FRAME_POINTER);
	if (rule->cfa_kind == CFA_SIGNAL)
		return step_by_signal_frame(walk);
	base = rule->cfa_register & (REGISTERS - 1);
	if (rule->cfa_kind == CFA_PLT) {
		cfa = sp + 8 + ((walk->pc & 15) >= (__u32)rule->cfa_offset ? 8 : 0);
	} else if (rule->cfa_kind == CFA_REGISTER || rule->cfa_kind == CFA_DEREFERENCE) {
		if (!(walk->known & KNOWN(base)))
			return UNWIND_UNSUPPORTED;
		cfa = walk->registers[base] + (__s64)rule->cfa_offset;
		if (rule->cfa_kind == CFA_DEREFERENCE) {
			if (!read_user(&value, sizeof(value), cfa))
				return UNWIND_UNREADABLE;
			cfa = value + (__s64)rule->cfa_addend;
		}
	} else {
		return UNWIND_UNSUPPORTED;
	}
	if (rule->ra_kind != RA_AT_CFA)
		return UNWIND_UNSUPPORTED;
	if (cfa <= sp)
		return UNWIND_NO_PROGRESS;
	if (rule->fp_kind == FP_UNDEFINED) {
		walk->known &= ~KNOWN(REG_RBP);
	} else if (rule->fp_kind != FP_SAME) {
		__u64 at = rule->fp_kind == FP_AT_CFA ? cfa : walk->registers[REG_RBP];

		if (!read_stack(walk, &value, at + (__s64)rule->fp_offset))
			return UNWIND_UNREADABLE;
		walk->registers[REG_RBP] = value;
		walk->known |= KNOWN(REG_RBP);
	}
	if (!read_stack(walk, &value, cfa + (__s64)rule->ra_offset))
		return UNWIND_UNREADABLE;
	if (value < FIRST_PAGE_SIZE)
		return UNWIND_COMPLETE;
	enter_caller(walk, cfa, value);
	return STEP_ON;
}

/* From a frame to its caller. Returns STEP_ON or why the walk ends. */
static __always_inline __u32 step(struct unwind_walk *walk)
{
	__u64 address = walk->pc - (walk->is_leaf ? 0 : 1), offset;
	__u32 index = walk->mapping, rule;
	struct unwind_mapping *mapping;

	if (walk->count == 0) {
		/* Nothing is known of the code: a frame pointer of 0 may be any function's value.
		 */
		rule = step_by_frame_pointer(walk, 0, UNWIND_NO_PROCESS);
		return rule == STEP_ON ? STEP_ON : UNWIND_NO_PROCESS;
	}
	mapping = bpf_map_lookup_elem(&unwind_mappings, &index);
	if (!mapping || address < mapping->start || address >= mapping->end) {
		index = find_mapping(walk->first, walk->count, address);
		if (index == NOT_FOUND)
			return UNWIND_NO_MAPPING;
		walk->mapping = index;
		mapping = bpf_map_lookup_elem(&unwind_mappings, &index);
		if (!mapping)
			return UNWIND_NO_MAPPING; /* cannot be: it was just found */
	}
	if (mapping->kind == UNWIND_MAPPING_RULE)
		return step_by_rule(walk, mapping->rule);
	if (mapping->kind == UNWIND_MAPPING_PENDING)
		return UNWIND_NO_TABLE;
	offset = address - mapping->bias;
	if (mapping->kind == UNWIND_MAPPING_BARE)
		return step_by_frame_pointer(walk, mapping, UNWIND_NO_FRAME_POINTER);
	if (mapping->kind != UNWIND_MAPPING_TABLE || offset >> UNWIND_PAGE_SHIFT >= mapping->pages)
		return step_by_frame_pointer(walk, 0, UNWIND_NO_FRAME_POINTER);
	rule = find_rule(mapping->first_page + (offset >> UNWIND_PAGE_SHIFT), offset & 0xffff);
	return step_by_rule(walk, rule);
}

/*
 * Takes registers from a context that begins with struct pt_regs: perf events and probes. Each is a
 * load of its own: the context is not memory.
 */
static __always_inline void take_context_registers(void *ctx, struct user_registers *saved)
{
	volatile __u64 *word = ctx;

#define TAKE(field) saved->field = word[offsetof(struct user_registers, field) / 8]
	TAKE(r15);
	TAKE(r14);
	TAKE(r13);
	TAKE(r12);
	TAKE(rbp);
	TAKE(rbx);
	TAKE(r11);
	TAKE(r10);
	TAKE(r9);
	TAKE(r8);
	TAKE(rax);
	TAKE(rcx);
	TAKE(rdx);
	TAKE(rsi);
	TAKE(rdi);
	TAKE(cs);
	TAKE(rip);
	TAKE(rsp);
#undef TAKE
}

/* Takes what the kernel saved when the current thread left user mode. */
static __always_inline bool take_saved_registers(struct user_registers *saved)
{
	const void *from = (const void *)bpf_task_pt_regs(bpf_get_current_task_btf());

	return from && bpf_probe_read_kernel(saved, sizeof(*saved), from) == 0;
}

/* Begins a walk. Returns false for 32-bit programs, whose tables are not read. */
static __always_inline bool begin_walk(struct unwind_walk *walk, const struct user_registers *saved,
				       __u64 now_ns)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct unwind_process *process;

	if (saved->cs == CODE_SEGMENT_32)
		return false;
	SET_REGISTERS(walk, *saved);
	process = bpf_map_lookup_elem(&unwind_processes, &tgid);
	walk->first = process ? process->first : 0;
	walk->count = process ? process->count : 0;
	walk->mapping = walk->first;
	walk->window_start = 0;
	walk->calls = 0;
	walk->start_ns = now_ns;
	return true;
}

/* A child begins with its parent's mappings. */
static __always_inline void share_mappings(struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = BPF_CORE_READ(parent, tgid);
	__u32 tgid = BPF_CORE_READ(child, tgid);
	struct unwind_process *process;
	struct unwind_process copy = {};

	if ((__u32)BPF_CORE_READ(child, pid) != tgid)
		return; /* a new thread of the same process */
	process = bpf_map_lookup_elem(&unwind_processes, &parent_tgid);
	if (!process) {
		/* Or a former owner of the number would lend it his. */
		bpf_map_delete_elem(&unwind_processes, &tgid);
		return;
	}
	copy.first = process->first;
	copy.count = process->count;
	bpf_map_update_elem(&unwind_processes, &tgid, &copy, BPF_ANY);
}

static __always_inline void forget_mappings(struct task_struct *task)
{
	__u32 tgid = BPF_CORE_READ(task, tgid);

	if (BPF_CORE_READ(task, signal, live.counter) == 0)
		bpf_map_delete_elem(&unwind_processes, &tgid);
}

#endif
