// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Block requests: the time from issue to completion by device and operation, and as a series of its
 * own the time they were queued before (insert to issue).
 *
 * A request completes in an interrupt, where nobody knows any more whose it was. So its record is
 * made when it is first seen, with the stacks of whoever brought it, and kept until it completes.
 * That is the submitter, or the kernel's worker that writes for it: write-back, delayed dispatch.
 *
 * key: device number (major << 20 | minor) in the low half, operation (REQ_OP_*) in the byte above,
 * QUEUED there too for the time in the queue.
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

#define REQUESTS	4096 /* under way at once, 2.1 KB each */
#define OPERATION_MASK	0xff
#define OPERATION_SHIFT 32
#define QUEUED		(1ULL << 40)
#define MINOR_BITS	20
/* Leaf frames that are the tracer's: the program's two, and bpf_trace_run*(). */
#define OWN_FRAMES 3

/*
 * Requests under way by address. Until the request completes, sample.time_ns is when it was first
 * seen, sample.value when it was issued (0: not yet), sample.link one of REQUEST_*.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, REQUESTS);
	__type(key, __u64);
	__type(value, struct sample_record);
} block_requests SEC(".maps");

#define REQUEST_ISSUED	0 /* straight to the device */
#define REQUEST_QUEUED	1
#define REQUEST_FOREIGN 2 /* queued by somebody outside the target; a member may issue it */

/* Before 5.11 insert and issue have the queue before the request. */
typedef void (*btf_trace_block_rq_issue___5_4)(void *, struct request_queue *, struct request *);

static __always_inline struct request *request_of(struct bpf_raw_tracepoint_args *ctx)
{
	if (bpf_core_type_exists(btf_trace_block_rq_issue___5_4))
		return (struct request *)ctx->args[1];
	return (struct request *)ctx->args[0];
}

static __always_inline __u64 key_of(struct request *request)
{
	struct request___5_4 *old = (void *)request;
	struct gendisk *disk;
	__u64 device;

	if (bpf_core_field_exists(old->rq_disk))
		disk = BPF_CORE_READ(old, rq_disk);
	else
		disk = BPF_CORE_READ(request, q, disk);
	device = (__u32)BPF_CORE_READ(disk, major) << MINOR_BITS |
		 (__u32)BPF_CORE_READ(disk, first_minor);
	return device | (__u64)(BPF_CORE_READ(request, cmd_flags) & OPERATION_MASK)
				<< OPERATION_SHIFT;
}

/* A request is seen for the first time; the current thread brings it. */
static __noinline int begin_request(struct bpf_raw_tracepoint_args *ctx, struct request *request,
				    __u64 now_ns, __u32 way)
{
	__u64 address = (__u64)request;
	bool is_ours = in_target(bpf_get_current_pid_tgid() >> 32);
	struct event_slot *slot;
	struct stack_sample *sample;

	if (!is_ours && way == REQUEST_ISSUED)
		return 0;
	slot = take_slot();
	if (!slot)
		return 0;
	begin_event(slot, config.source, now_ns);
	sample = &slot->record.sample;
	sample->value = way == REQUEST_ISSUED ? now_ns : 0;
	sample->link = is_ours ? way : REQUEST_FOREIGN;
	if (is_ours) {
		sample->key = key_of(request);
		if (config.kernel_stacks)
			note_kernel_stack(sample, bpf_get_stack(ctx, slot->record.addresses,
								STACK_BYTES, OWN_FRAMES));
		take_user_stack_of_task(ctx, slot);
	}
	if (bpf_map_update_elem(&block_requests, &address, &slot->record, BPF_ANY) != 0)
		COUNT(starts_lost);
	give_back(slot);
	return 0;
}

SEC("raw_tp/block_rq_insert")
int on_block_rq_insert(struct bpf_raw_tracepoint_args *ctx)
{
	struct request *request = request_of(ctx);
	__u64 now_ns, address = (__u64)request;

	if (!is_measuring())
		return 0;
	now_ns = bpf_ktime_get_ns();
	/* Put back, it goes on waiting: its record stays. */
	if (!bpf_map_lookup_elem(&block_requests, &address))
		begin_request(ctx, request, now_ns, REQUEST_QUEUED);
	account(now_ns);
	return 0;
}

SEC("raw_tp/block_rq_issue")
int on_block_rq_issue(struct bpf_raw_tracepoint_args *ctx)
{
	struct request *request = request_of(ctx);
	__u64 now_ns, address = (__u64)request;
	struct sample_record *record;

	if (!is_measuring())
		return 0;
	now_ns = bpf_ktime_get_ns();
	record = bpf_map_lookup_elem(&block_requests, &address);
	if (record)
		record->sample.value = now_ns;
	else
		begin_request(ctx, request, now_ns, REQUEST_ISSUED);
	account(now_ns);
	return 0;
}

/* It became part of another request and will not be heard of again. */
SEC("raw_tp/block_rq_merge")
int on_block_rq_merge(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 address = (__u64)request_of(ctx);

	bpf_map_delete_elem(&block_requests, &address);
	return 0;
}

/* Counts or sends one of a request's times, as the source asks. */
static __always_inline void measure(struct sample_record *record, __u64 value, __u64 end_ns,
				    __u64 now_ns)
{
	struct stack_sample *sample = &record->sample;
	__u32 kind = RECORD_SAMPLE;
	__s64 place = 0;

	COUNT(events);
	if (config.detail == DETAIL_HISTOGRAM) {
		place = count_value(config.source, sample->key, sample->tgid, value, now_ns);
		if (place < 0)
			return;
		kind = RECORD_EXAMPLE;
	} else if (value < config.min_ns) {
		COUNT(below_minimum);
		return;
	}
	sample->time_ns = end_ns;
	sample->value = value;
	sample->link = place;
	send_record(record, kind);
}

SEC("raw_tp/block_rq_complete")
int on_block_rq_complete(struct bpf_raw_tracepoint_args *ctx)
{
	struct request *request = (void *)ctx->args[0];
	__u64 first_ns, issued_ns, now_ns, address = (__u64)request;
	struct sample_record *record;
	__u32 way;

	record = bpf_map_lookup_elem(&block_requests, &address);
	/* Large ones complete in parts. */
	if (!record || (__u32)ctx->args[2] < BPF_CORE_READ(request, __data_len))
		return 0;
	now_ns = bpf_ktime_get_ns();
	first_ns = record->sample.time_ns;
	issued_ns = record->sample.value;
	way = record->sample.link;
	if (is_measuring() && issued_ns != 0 && way != REQUEST_FOREIGN) {
		if (way == REQUEST_QUEUED) {
			record->sample.key |= QUEUED;
			measure(record, issued_ns - first_ns, issued_ns, now_ns);
			record->sample.key &= ~QUEUED;
		}
		measure(record, now_ns - issued_ns, now_ns, now_ns);
	}
	bpf_map_delete_elem(&block_requests, &address);
	account(now_ns);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
