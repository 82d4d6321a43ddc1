/* SPDX-License-Identifier: ISC */
#include "net/listener.h"

#include "base/arena.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ACCEPTS_A_TURN = 64, REST_MS = 100 };

struct listener {
	struct loop_fd *watch;
	struct loop_timer *rest;
	listener_fn *fn;
	void *arg;
	int fd;
	bool accepting, closed; /* closed while accepting: the memory goes afterwards */
};

static void end_rest(void *arg)
{
	struct listener *listener = arg;

	loop_fd_watch(listener->watch, LOOP_READ);
}

/* The connections wait in the kernel until somebody hangs up. */
static void begin_rest(struct listener *listener)
{
	loop_fd_watch(listener->watch, 0);
	loop_timer_start(listener->rest, REST_MS);
}

static bool is_out_of_resources(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

/* False when there is nobody to accept. */
static bool accept_one(struct listener *listener)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t n = sizeof(peer);
	int on = 1;
	int fd = accept4(
		listener->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	/* A client that gave up while it waited is no reason to stop. */
	if (fd < 0 && (errno == ECONNABORTED || errno == EINTR || errno == EPROTO))
		return true;
	if (fd < 0) {
		if (is_out_of_resources(errno))
			begin_rest(listener);
		return false;
	}
	if (peer.ss_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	listener->fn(listener->arg, fd, (const struct sockaddr *)&peer);
	return true;
}

static void accept_some(void *arg, int events)
{
	struct listener *listener = arg;

	listener->accepting = true;
	for (int i = 0; i < ACCEPTS_A_TURN; i++)
		if (!accept_one(listener) || listener->closed)
			break;
	listener->accepting = false;
	if (listener->closed)
		free(listener);
}

struct listener *listener_new(struct loop *loop, int fd, listener_fn *fn, void *arg)
{
	struct listener *listener = mem_make(struct listener);

	listener->fn = fn;
	listener->arg = arg;
	listener->fd = fd;
	listener->watch = loop_fd_add(loop, fd, accept_some, listener);
	listener->rest = loop_timer_add(loop, end_rest, listener);
	loop_fd_watch(listener->watch, LOOP_READ);
	return listener;
}

void listener_free(struct listener **listener)
{
	struct listener *l = *listener;

	if (!l)
		return;
	*listener = NULL;
	loop_fd_remove(&l->watch);
	loop_timer_remove(&l->rest);
	close(l->fd);
	l->closed = true;
	if (!l->accepting)
		free(l);
}

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
		struct sockaddr_un path;
	};
	socklen_t n;
	bool both; /* IPv6 that takes IPv4 too */
};

static enum err parse_address(const char *text, uint16_t port, struct address *ret_address)
{
	struct address a = { .both = strcmp(text, "*") == 0 || strcmp(text, "::") == 0 };

	if (inet_pton(AF_INET, text, &a.four.sin_addr) == 1) {
		a.four.sin_family = AF_INET;
		a.four.sin_port = htons(port);
		a.n = sizeof(a.four);
	} else if (a.both || inet_pton(AF_INET6, text, &a.six.sin6_addr) == 1) {
		a.six.sin6_family = AF_INET6;
		a.six.sin6_port = htons(port);
		a.n = sizeof(a.six);
	} else {
		return ERR_SYNTAX;
	}
	*ret_address = a;
	return OK;
}

static enum err err_of_bind(int errnum)
{
	return errnum == EADDRINUSE ? ERR_EXISTS : err_from_errno(errnum);
}

static bool set_options(int fd, const struct address *address, bool reuse_port)
{
	int on = 1, only = !address->both;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		(!reuse_port ||
			setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
		(address->any.sa_family != AF_INET6 ||
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) == 0);
}

static enum err listen_at(
	const struct address *address, int backlog, bool reuse_port, int *ret_fd)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum err e;

	if (fd < 0)
		return err_from_errno(errno);
	if ((address->any.sa_family == AF_UNIX || set_options(fd, address, reuse_port)) &&
		bind(fd, &address->any, address->n) == 0 && listen(fd, backlog) == 0) {
		*ret_fd = fd;
		return OK;
	}
	e = err_of_bind(errno);
	close(fd);
	return e;
}

enum err net_listen(
	const char *address, uint16_t port, int backlog, bool reuse_port, int *ret_fd)
{
	struct address a;
	enum err e = parse_address(address, port, &a);

	return e == OK ? listen_at(&a, backlog, reuse_port, ret_fd) : e;
}

enum err net_listen_unix(const char *path, int backlog, int *ret_fd)
{
	struct address a = { .path.sun_family = AF_UNIX, .n = sizeof(a.path) };
	struct stat st;

	if (strlen(path) >= sizeof(a.path.sun_path))
		return ERR_SYNTAX;
	memcpy(a.path.sun_path, path, strlen(path) + 1);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	return listen_at(&a, backlog, false, ret_fd);
}

uint16_t net_local_port(int fd)
{
	struct address a = { .n = sizeof(a.six) };

	if (getsockname(fd, &a.any, &a.n) != 0)
		return 0;
	if (a.any.sa_family == AF_INET)
		return ntohs(a.four.sin_port);
	return a.any.sa_family == AF_INET6 ? ntohs(a.six.sin6_port) : 0;
}
