/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Aggregate mode: counts per thread and stack, in two map sets used in turn. The helper flips
 * state.slice and drains the set that is no longer written.
 *
 * Stacks are kept in a hash map under a 64-bit hash of their addresses, not in a stack-trace map:
 * that one has a single slot per hash value modulo its size, so stacks that share a slot are lost
 * long before it is full.
 */
#ifndef EMBERSCOPE_AGGREGATE_BPF_H
#define EMBERSCOPE_AGGREGATE_BPF_H

/* Key: thread and stacks. Value: samples. Full: counts_full rises, the sample is lost. */
struct counts {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set by the helper */
	__type(key, struct count_key);
	__type(value, struct count_value);
};
struct counts counts_even SEC(".maps");
struct counts counts_odd SEC(".maps");

/*
 * Key: hash of a stack's addresses. Value: the addresses, leaf first, then zeros; count_key tells
 * how many there are. Full: stacks_full rises, the sample is counted without that stack.
 */
struct stacks {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set by the helper */
	__type(key, __u64);
	__uint(value_size, MAX_STACK_DEPTH * sizeof(__u64));
};
struct stacks stacks_even SEC(".maps");
struct stacks stacks_odd SEC(".maps");

/*
 * Hash of a whole stack buffer, zeros behind the last frame included: a loop without an early exit
 * is one path for the verifier. Never 0. Two stacks of one slice share it once in 2^64 /
 * (stacks^2 / 2) slices.
 */
static __always_inline __u64 hash_stack(const __u64 *addresses)
{
	__u64 hash = 0;

#pragma unroll
	for (int i = 0; i < MAX_STACK_DEPTH; i++) {
		/* A multiply-xorshift round with a constant of splitmix64. */
		hash = (hash ^ addresses[i]) * 0xbf58476d1ce4e5b9ULL;
		hash ^= hash >> 29;
	}
	return hash | 1;
}

/* Puts a stack into the map unless it is there. Returns its key; 0: it is lost. */
static __always_inline __u64 keep_stack(void *stacks, const __u64 *addresses,
					struct cpu_counters *counters)
{
	__u64 hash = hash_stack(addresses);

	if (bpf_map_lookup_elem(stacks, &hash))
		return hash;
	if (bpf_map_update_elem(stacks, &hash, addresses, BPF_ANY) == 0)
		return hash;
	counters->stacks_full++;
	return 0;
}

static __always_inline void count_key_once(void *counts, const struct count_key *key,
					   const struct stack_sample *sample,
					   struct cpu_counters *counters)
{
	struct count_value first = {
		.samples = 1,
		.last_ns = sample->time_ns,
		.last_cpu = sample->cpu,
		.flags = sample->flags & 0xff,
	};
	struct count_value *value = bpf_map_lookup_elem(counts, key);

	/* A thread runs on one CPU at a time: plain stores do, the sum is atomic all the same. */
	if (value) {
		__sync_fetch_and_add(&value->samples, 1);
		value->last_ns = sample->time_ns;
		value->last_cpu = sample->cpu;
		value->flags |= sample->flags & 0xff;
		return;
	}
	if (bpf_map_update_elem(counts, key, &first, BPF_ANY) != 0)
		counters->counts_full++;
}

#endif
