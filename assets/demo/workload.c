/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program whose profile is known by construction: what `emberscope demo` records and what tests
 * hold a recording against.
 *
 *   workload [SECONDS [THREADS]]     SECONDS 0 (default): until killed; THREADS 1 to 64 (default 1)
 *
 * Every thread handles requests. One request is ten equal units of work in random order: 7 in
 * work_hot, 2 in work_warm, 1 in work_cold. So self time is 70 / 20 / 10 %, and the callers
 * decode_body, render_page and write_log have the same shares as totals.
 *
 * The unit is one dependent chain of multiply and add, the same code in all three functions: its speed
 * depends on neither alignment nor cache. The order is random because a fixed one could march in step
 * with the sampling clock. A unit runs about 20 ms, two samples at 99 Hz: long runs of one function
 * are counted almost exactly, while short ones would add the scatter of independent draws (10 s at
 * 99 Hz: 0.4 instead of 1.5 points of standard error for work_hot). A thread ends after whole requests.
 *
 * cc -O1 -g -fno-omit-frame-pointer -fno-optimize-sibling-calls -pthread
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define UNIT_STEPS  15000000 /* about 20 ms: 4 cycles per step on current x86-64 and arm64 */
#define HOT_UNITS   7
#define WARM_UNITS  2
#define COLD_UNITS  1
#define UNITS	    (HOT_UNITS + WARM_UNITS + COLD_UNITS)
#define MAX_THREADS 64

#define KEEP_FRAME __attribute__((noinline))

static double seconds; /* how long to run, s of wall-clock time; 0: until killed */

/*
 * Defines a function that does the unit of work itself, so that the time is its own. A compiler may leave
 * out the frame of a function that calls nothing, which would hide its caller from the stacks; asking for
 * the frame's address makes it keep one.
 */
#define DEFINE_WORK(name)                                                                          \
	KEEP_FRAME static uint64_t name(uint64_t x)                                                \
	{                                                                                          \
		__asm__ volatile("" : : "r"(__builtin_frame_address(0)));                          \
		for (int step = 0; step < UNIT_STEPS; step++) {                                    \
			x = x * 6364136223846793005ull + 1442695040888963407ull;                   \
			__asm__ volatile("" : "+r"(x)); /* one step after the other */             \
		}                                                                                  \
		return x;                                                                          \
	}

DEFINE_WORK(work_hot)
DEFINE_WORK(work_warm)
DEFINE_WORK(work_cold)

/* The empty asm after each call keeps it a call: a jump would lose the caller's frame. */
KEEP_FRAME static uint64_t decode_body(uint64_t x)
{
	x = work_hot(x);
	__asm__ volatile("" : "+r"(x));
	return x;
}

KEEP_FRAME static uint64_t render_page(uint64_t x)
{
	x = work_warm(x);
	__asm__ volatile("" : "+r"(x));
	return x;
}

KEEP_FRAME static uint64_t write_log(uint64_t x)
{
	x = work_cold(x);
	__asm__ volatile("" : "+r"(x));
	return x;
}

/* Ten units in an order drawn from x; the counts are the same every time. */
KEEP_FRAME static uint64_t handle_request(uint64_t x)
{
	int hot = HOT_UNITS, warm = WARM_UNITS;

	for (int left = UNITS; left > 0; left--) {
		int ticket = (int)((x >> 33) % (uint64_t)left);

		if (ticket < hot) {
			hot--;
			x = decode_body(x);
		} else if (ticket < hot + warm) {
			warm--;
			x = render_page(x);
		} else {
			x = write_log(x);
		}
	}
	return x;
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

KEEP_FRAME static void serve(uint64_t seed)
{
	double end = now_s() + seconds;
	uint64_t x = seed;

	do
		x = handle_request(x);
	while (seconds == 0 || now_s() < end);
	__asm__ volatile("" : : "r"(x));
}

static void *thread_main(void *seed)
{
	serve((uint64_t)(uintptr_t)seed);
	return NULL;
}

/* Reads argv[index] as a number in [0, max], or leaves with the usage. */
static double argument(int argc, char **argv, int index, double fallback, double max)
{
	char *rest;
	double value;

	if (index >= argc)
		return fallback;
	value = strtod(argv[index], &rest);
	if (rest == argv[index] || *rest || !(value >= 0 && value <= max)) {
		fprintf(stderr, "usage: workload [SECONDS [THREADS]]\n");
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	pthread_t threads[MAX_THREADS];
	int count;

	seconds = argument(argc, argv, 1, 0, 1e6);
	count = (int)argument(argc, argv, 2, 1, MAX_THREADS);
	for (int i = 1; i < count; i++) {
		if (pthread_create(&threads[i], NULL, thread_main, (void *)(uintptr_t)(i + 1))) {
			perror("workload: cannot start a thread");
			return 1;
		}
	}
	serve(1);
	for (int i = 1; i < count; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
