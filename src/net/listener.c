/* SPDX-License-Identifier: ISC */
#include "net/listener.h"

#include "base/arena.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ACCEPTS_A_TURN = 64, PAUSE_MS = 100 };

struct listener {
	int fd;
	listener_fn *fn;
	void *arg;
	struct loop_fd *watch;
	struct loop_timer *pause;
};

/* Out of descriptors or memory: the peers wait in the kernel's line meanwhile. */
static void pause_a_moment(struct listener *listener)
{
	loop_fd_watch(listener->watch, 0);
	loop_timer_start(listener->pause, PAUSE_MS);
}

static void go_on(void *arg)
{
	struct listener *listener = arg;

	loop_fd_watch(listener->watch, LOOP_READ);
}

static void on_ready(void *arg, int events)
{
	struct listener *listener = arg;

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage peer;
		socklen_t n = sizeof(peer);
		int one = 1, fd = accept4(listener->fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				pause_a_moment(listener);
			if (errno == ECONNABORTED || errno == EINTR)
				continue;
			return;
		}
		if (peer.ss_family != AF_UNIX)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		listener->fn(listener->arg, fd, (struct sockaddr *)&peer);
	}
}

struct listener *listener_new(struct loop *loop, int fd, listener_fn *fn, void *arg)
{
	struct listener *listener = mem_make(struct listener);

	listener->fd = fd;
	listener->fn = fn;
	listener->arg = arg;
	listener->watch = loop_fd_add(loop, fd, on_ready, listener);
	listener->pause = loop_timer_add(loop, go_on, listener);
	loop_fd_watch(listener->watch, LOOP_READ);
	return listener;
}

void listener_free(struct listener **listener)
{
	if (!*listener)
		return;
	loop_fd_remove(&(*listener)->watch);
	loop_timer_remove(&(*listener)->pause);
	free(*listener);
	*listener = NULL;
}

static enum err listen_on(const struct sockaddr *address, socklen_t n, int backlog, int *ret_fd)
{
	int one = 1, zero = 0, fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_from_errno(errno);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, address, n) < 0 || listen(fd, backlog) < 0) {
		enum err e = err_from_errno(errno);
		int kept = errno;

		close(fd);
		errno = kept;
		return e;
	}
	*ret_fd = fd;
	return OK;
}

enum err net_listen(const char *address, uint16_t port, int backlog, int *ret_fd)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
		return listen_on((struct sockaddr *)&four, sizeof(four), backlog, ret_fd);
	if (inet_pton(AF_INET6, address, &six.sin6_addr) == 1)
		return listen_on((struct sockaddr *)&six, sizeof(six), backlog, ret_fd);
	errno = EINVAL;
	return ERR_SYNTAX;
}

enum err net_listen_unix(const char *path, mode_t mode, int backlog, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t old;
	enum err e;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >= (int)sizeof(address.sun_path))
		return ERR_LIMIT;
	unlink(path);
	old = umask(0777 & ~mode);
	e = listen_on((struct sockaddr *)&address, sizeof(address), backlog, ret_fd);
	umask(old);
	return e;
}
