// SPDX-License-Identifier: Apache-2.0
/*
 * Starts the helper with what file capabilities this file was given: for servers, where nobody can type
 * a password. README.md says how it is installed.
 *
 * Capabilities belong to programs, not to scripts, and giving them to the runtime itself would let its
 * user run any script with them. So this small program has them and passes them on to one script, both
 * at paths compiled in. Nothing of the caller reaches the runtime but standard input, output and error:
 * no argument, environment, descriptor, working folder or signal setting.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if !defined(EMBERSCOPE_RUNTIME) || !defined(EMBERSCOPE_HELPER)
#error "define EMBERSCOPE_RUNTIME and EMBERSCOPE_HELPER as absolute paths"
#endif

/* Not in the headers of older systems: include/uapi/linux/capability.h. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

enum { EXIT_USAGE = 2, EXIT_UNUSABLE = 3 };

static const int WANTED[] = {CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_SYSLOG, CAP_PERFMON, CAP_BPF};
enum { WANTED_COUNT = sizeof(WANTED) / sizeof(WANTED[0]) };

static int fail(const char *what)
{
	dprintf(2, "emberscope-helper-caps: %s: %s\n", what, strerror(errno));
	return EXIT_UNUSABLE;
}

static void close_all_but_standard(void)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
		return;
#endif
	struct rlimit limit;
	rlim_t end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max != RLIM_INFINITY
			     ? limit.rlim_max
			     : 1 << 20;
	for (rlim_t fd = 3; fd < end; fd++)
		close((int)fd);
}

static void reset_signals(void)
{
	sigset_t none;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Permitted to inheritable, and those to ambient: what passes through the runtime's exec. */
static int pass_on_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];
	uint64_t wanted = 0;

	for (int i = 0; i < WANTED_COUNT; i++)
		wanted |= (uint64_t)1 << WANTED[i];
	if (syscall(SYS_capget, &header, sets) != 0)
		return fail("capget");
	uint64_t held = ((uint64_t)sets[1].permitted << 32) | sets[0].permitted;
	if ((held & wanted) != wanted) {
		errno = EPERM;
		return fail("it was not given its capabilities; see its README");
	}
	for (int half = 0; half < 2; half++) {
		uint32_t part = (uint32_t)(wanted >> (32 * half));
		sets[half].permitted = sets[half].effective = sets[half].inheritable = part;
	}
	if (syscall(SYS_capset, &header, sets) != 0)
		return fail("capset");
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int i = 0; i < WANTED_COUNT; i++) {
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, WANTED[i], 0, 0) != 0)
			return fail("prctl(PR_CAP_AMBIENT_RAISE)");
	}
	return 0;
}

int main(int argc, char **argv)
{
	static char *const arguments[] = {EMBERSCOPE_RUNTIME, EMBERSCOPE_HELPER, "--stdio", NULL};
	/* An Electron program behaves as plain Node with the first; Node ignores it. */
	static char *const environment[] = {"ELECTRON_RUN_AS_NODE=1", "LANG=C.UTF-8", NULL};
	const struct rlimit no_core = {0, 0};

	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			return EXIT_USAGE;
	}
	if (argc != 2 || strcmp(argv[1], "--stdio") != 0) {
		dprintf(2, "emberscope-helper-caps: started by emberscope only, with --stdio on pipes\n");
		return EXIT_USAGE;
	}
	close_all_but_standard();
	reset_signals();
	umask(077);
	if (chdir("/") != 0)
		return fail("chdir");
	setrlimit(RLIMIT_CORE, &no_core);
	int failed = pass_on_capabilities();
	if (failed != 0)
		return failed;
	execve(EMBERSCOPE_RUNTIME, arguments, environment);
	return fail(EMBERSCOPE_RUNTIME);
}
