// SPDX-License-Identifier: Apache-2.0
/*
 * Starts the helper as the user who asked, with the few capabilities that opening a capture needs.
 * README.md says how each of its three builds is installed:
 *
 *   -DEMBERSCOPE_BY_POLKIT, -DEMBERSCOPE_SCOPE="own" or "system": pkexec runs it as root;
 *   neither: it has file capabilities, for a group (servers, where nobody can type a password).
 *
 * Capabilities belong to programs, not to scripts, and giving them to the runtime itself would let its
 * user run any script with them. So this small program has them and passes them on to one script, both
 * at paths compiled in, and all that these load below a third, the tree. Nothing of the caller reaches the runtime but standard input, output and error,
 * and who he is: no argument, environment, descriptor, working folder or signal setting.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <syslog.h>
#include <unistd.h>

#if !defined(EMBERSCOPE_RUNTIME) || !defined(EMBERSCOPE_HELPER) || !defined(EMBERSCOPE_TREE)
#error "define EMBERSCOPE_RUNTIME, EMBERSCOPE_HELPER and EMBERSCOPE_TREE as absolute paths"
#endif
#ifndef EMBERSCOPE_SCOPE
#define EMBERSCOPE_SCOPE "system"
#endif

/* Not in the headers of older systems: include/uapi/linux/capability.h. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

enum { EXIT_USAGE = 2, EXIT_UNUSABLE = 3 };

/* Maps and buffers of one capture stay far below. */
#define LOCKED_BYTES (512UL << 20)

/*
 * What opening a capture may need. By polkit also CAP_SYS_ADMIN, which distributions' kernels want for
 * perf_event_open(2) where they restrict it further than Linux does; the helper gives it up with the
 * others once everything is open. CAP_CHECKPOINT_RESTORE: deleted files of processes, by map_files.
 * CAP_WAKE_ALARM: systemd 254 gives it to all of a user's session, and who looks into a process has to have what
 * it has.
 */
static const int WANTED[] = {
	CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_SYSLOG, CAP_PERFMON, CAP_BPF,
#ifdef EMBERSCOPE_BY_POLKIT
	CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE, CAP_WAKE_ALARM,
#endif
};
enum { WANTED_COUNT = sizeof(WANTED) / sizeof(WANTED[0]) };

static int fail(const char *what)
{
	dprintf(2, "emberscope-launcher: %s: %s\n", what, strerror(errno));
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

/* What is wrong with one place, or NULL: main/elevate/install-check.ts. */
static const char *problem_of(const char *place, const struct stat *found)
{
	if (S_ISLNK(found->st_mode))
		return "it is a symbolic link";
	if (found->st_uid != 0)
		return "it does not belong to root";
	/* With an access control list the group's bits are what it grants anybody at most: acl(5). */
	if ((found->st_mode & S_IWOTH) ||
	    ((found->st_mode & S_IWGRP) &&
	     (found->st_gid != 0 || lgetxattr(place, "system.posix_acl_access", NULL, 0) > 0)))
		return "others than root can change it";
	return NULL;
}

/* Somebody may have prepared it: the administrator is to know. */
static int refuse_place(const char *place, const char *problem)
{
	dprintf(2, "%s: %s.\n", place, problem);
	syslog(LOG_AUTHPRIV | LOG_ALERT, "emberscope-launcher: refused, %s: %s", place, problem);
	return EXIT_UNUSABLE;
}

/*
 * Whether only root can change `path` and every folder above it. Whoever else could would be given what
 * this program has.
 */
static int check_place(const char *path)
{
	char place[PATH_MAX];

	for (size_t length = 1; length < sizeof(place); length++) {
		if (path[length] != '/' && path[length] != '\0')
			continue;
		memcpy(place, path, length);
		place[length] = '\0';
		struct stat found;
		const char *problem =
			lstat(place, &found) != 0 ? strerror(errno) : problem_of(place, &found);

		if (problem)
			return refuse_place(place, problem);
		if (path[length] == '\0')
			return 0;
	}
	return EXIT_UNUSABLE;
}

static int check_entry(const char *path, const struct stat *found, int type, struct FTW *where)
{
	const char *problem = problem_of(path, found);

	(void)where;
	if (!problem && (type == FTW_DNR || type == FTW_NS))
		problem = "it cannot be looked into";
	return problem ? refuse_place(path, problem) : 0;
}

/* The same of all that runtime and helper load, besides the system's own libraries. */
static int check_tree(const char *tree)
{
	int failed = check_place(tree);

	if (failed)
		return failed;
	/* FTW_PHYS: links are looked at, not followed. */
	failed = nftw(tree, check_entry, 16, FTW_PHYS);
	return failed < 0 ? refuse_place(tree, strerror(errno)) : failed;
}

/* Whoever starts us otherwise than the app does may be trying something. */
static int refuse_start(const char *how)
{
	dprintf(2, "emberscope-launcher: started %s\n", how);
	syslog(LOG_AUTHPRIV | LOG_WARNING,
	       "emberscope-launcher: refused to uid %u: it is to be started %s", getuid(), how);
	return EXIT_USAGE;
}

static uint64_t wanted_mask(void)
{
	uint64_t wanted = 0;

	for (int i = 0; i < WANTED_COUNT; i++)
		wanted |= (uint64_t)1 << WANTED[i];
	return wanted;
}

#ifdef EMBERSCOPE_BY_POLKIT
/*
 * The user who was authenticated for, as pkexec(1) names him; 0: nobody. Root has no need of us.
 */
static uid_t caller(void)
{
	const char *text = getenv("PKEXEC_UID");
	char *end = NULL;

	if (!text || *text < '1' || *text > '9')
		return 0;
	errno = 0;
	unsigned long value = strtoul(text, &end, 10);
	return errno == 0 && *end == '\0' && value < (uid_t)-1 ? (uid_t)value : 0;
}

/* From root to the caller for good, with the capabilities kept until pass_on_capabilities(). */
static int become_caller(uid_t uid)
{
	uint64_t wanted = wanted_mask();

	clearenv();
	struct passwd *account = getpwuid(uid);
	if (!account) {
		errno = ENOENT;
		return fail("the caller has no account");
	}
	for (int capability = 0; capability < 64; capability++) {
		if (!((wanted >> capability) & 1))
			prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	}
	if (initgroups(account->pw_name, account->pw_gid) != 0)
		return fail("initgroups");
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return fail("prctl(PR_SET_KEEPCAPS)");
	if (setresgid(account->pw_gid, account->pw_gid, account->pw_gid) != 0)
		return fail("setresgid");
	if (setresuid(uid, uid, uid) != 0)
		return fail("setresuid");
	return 0;
}
#endif

/* Permitted to inheritable, and those to ambient: what passes through the runtime's exec. */
static int pass_on_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];
	uint64_t wanted = wanted_mask();

	if (syscall(SYS_capget, &header, sets) != 0)
		return fail("capget");
	uint64_t held = ((uint64_t)sets[1].permitted << 32) | sets[0].permitted;
#ifdef EMBERSCOPE_BY_POLKIT
	/* A container's root may have fewer; the helper says which one it misses. */
	wanted &= held;
#else
	if ((held & wanted) != wanted) {
		errno = EPERM;
		return fail("it was not given its capabilities; see its README");
	}
#endif
	for (int half = 0; half < 2; half++) {
		uint32_t part = (uint32_t)(wanted >> (32 * half));
		sets[half].permitted = sets[half].effective = sets[half].inheritable = part;
	}
	if (syscall(SYS_capset, &header, sets) != 0)
		return fail("capset");
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int i = 0; i < WANTED_COUNT; i++) {
		if (!((wanted >> WANTED[i]) & 1))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, WANTED[i], 0, 0) != 0)
			return fail("prctl(PR_CAP_AMBIENT_RAISE)");
	}
	return 0;
}

int main(int argc, char **argv)
{
	static char *const arguments[] = {EMBERSCOPE_RUNTIME, EMBERSCOPE_HELPER, "--stdio",
					  "--scope=" EMBERSCOPE_SCOPE, NULL};
	/* An Electron program behaves as plain Node with the first; Node ignores it. */
	static char *const environment[] = {"ELECTRON_RUN_AS_NODE=1", "LANG=C.UTF-8", NULL};
	const struct rlimit no_core = {0, 0};
	/* Before Linux 5.11 what BPF needs counts as locked memory, of which users may have a few MB. */
	const struct rlimit locked = {LOCKED_BYTES, LOCKED_BYTES};
	int failed;

	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			return EXIT_USAGE;
	}
	if (argc != 2 || strcmp(argv[1], "--stdio") != 0) {
		return refuse_start("by emberscope only, with --stdio on pipes");
	}
	close_all_but_standard();
	reset_signals();
	umask(077);
	if (chdir("/") != 0)
		return fail("chdir");
	setrlimit(RLIMIT_CORE, &no_core);
	setrlimit(RLIMIT_MEMLOCK, &locked); /* refused without being root */
	if ((failed = check_place(EMBERSCOPE_RUNTIME)) ||
	    (failed = check_place(EMBERSCOPE_HELPER)) || (failed = check_tree(EMBERSCOPE_TREE)))
		return failed;
#ifdef EMBERSCOPE_BY_POLKIT
	uid_t uid = caller();
	if (geteuid() != 0 || uid == 0) {
		return refuse_start("by pkexec for a user only");
	}
	if ((failed = become_caller(uid)))
		return failed;
#endif
	if ((failed = pass_on_capabilities()))
		return failed;
#ifdef EMBERSCOPE_BY_POLKIT
	if (setresuid(0, 0, 0) == 0) {
		dprintf(2, "emberscope-launcher: root could not be given up\n");
		return EXIT_UNUSABLE;
	}
#endif
	execve(EMBERSCOPE_RUNTIME, arguments, environment);
	return fail(EMBERSCOPE_RUNTIME);
}
