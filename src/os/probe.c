/* SPDX-License-Identifier: ISC */
/* What a locked-in role must not be able to do, tried. */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *foreign;
static int spare_socket = -1;

static long try_open(void)
{
	return open(foreign, O_RDONLY | O_CLOEXEC);
}

static long try_exec(void)
{
	static char name[] = "true";
	char *const argv[] = { name, NULL };

	return execve("/bin/true", argv, NULL);
}

static long try_fork(void)
{
	/* The raw call: the C library's handlers must not run if it should succeed. */
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	return pid;
}

static long try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long try_connect(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(spare_socket, (struct sockaddr *)&to, sizeof(to)) < 0 && errno == ECONNREFUSED)
		return 0; /* it got as far as the network */
	return -1;
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static long try_kill(void)
{
	return kill(getppid(), 0);
}

static long try_setuid(void)
{
	return syscall(SYS_setuid, 0);
}

static long try_write_outside(void)
{
	return open("/tmp/restante-probe", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static const struct {
	const char *name;
	long (*attempt)(void);
} probes[] = {
	{ "open-foreign-file", try_open },
	{ "write-outside", try_write_outside },
	{ "exec", try_exec },
	{ "fork", try_fork },
	{ "socket", try_socket },
	{ "connect", try_connect },
	{ "ptrace", try_ptrace },
	{ "kill", try_kill },
	{ "setuid", try_setuid },
};

void os_sandbox_probe_prepare(void)
{
	spare_socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

bool os_sandbox_probe(const char *foreign_file, int fd)
{
	bool all = true;

	foreign = foreign_file;
	for (unsigned i = 0; i < sizeof(probes) / sizeof(*probes); i++) {
		bool refused = probes[i].attempt() < 0;
		char line[80];
		int n = snprintf(line, sizeof(line), " %s=%s", probes[i].name, refused ? "refused" : "ALLOWED");

		if (write(fd, line, (size_t)n) < 0)
			return false;
		all = all && refused;
	}
	return all;
}
