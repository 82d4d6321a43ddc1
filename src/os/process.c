/* SPDX-License-Identifier: ISC */
#include "os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_WANTED = 1 << 20 };

static void become(const char *user)
{
	struct passwd *pw = getpwnam(user);

	if (!pw || initgroups(user, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0) {
		fprintf(stderr, "event=cannot_become_user user=%s\n", user);
		_exit(77);
	}
}

static void run_child(char *const argv[], int control_fd, const char *user)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (control_fd == OS_CONTROL_FD)
		fcntl(control_fd, F_SETFD, 0);
	else if (dup2(control_fd, OS_CONTROL_FD) < 0)
		_exit(71);
	syscall(SYS_close_range, OS_CONTROL_FD + 1, ~0u, 0);
	if (user)
		become(user);
	execv("/proc/self/exe", argv);
	_exit(71);
}

enum err os_spawn_self(char *const argv[], int control_fd, const char *user, pid_t *ret_pid)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_from_errno(errno);
	if (pid == 0)
		run_child(argv, control_fd, user);
	*ret_pid = pid;
	return OK;
}

void os_die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void os_raise_file_limit(void)
{
	struct rlimit limit;

	limit.rlim_cur = limit.rlim_max = FILES_WANTED;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return; /* root may */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int os_signal_fd(void)
{
	static const int wanted[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		sigaddset(&set, wanted[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int os_signal_next(int signal_fd)
{
	struct signalfd_siginfo info;

	return read(signal_fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}
