/* SPDX-License-Identifier: ISC */
#include "http/server.h"

#include "base/arena.h"
#include "base/log.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTION_TIMEOUT_S = 30, CONNECTIONS_MAX = 4000, STATUS_TIMEOUT_MS = 5000 };

struct http_server {
	struct loop *loop;
	struct ipc_hub *hub;
	struct MHD_Daemon *daemon;
	struct loop_fd *watch;
	struct loop_timer *timer;
};

typedef enum MHD_Result route_fn(struct http_server *server, struct MHD_Connection *connection);

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, struct str text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(text.n, (void *)(uintptr_t)text.p, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result http_get_index(struct http_server *server, struct MHD_Connection *connection)
{
	return answer(connection, 200, "text/plain; charset=utf-8", S("Restante\n\n/healthz\n/metrics\n"));
}

/* A request that waits for the supervisor; its connection is suspended meanwhile. */
struct waiting {
	struct http_server *server;
	struct MHD_Connection *connection;
	bool metrics;
};

static void drive(struct http_server *server);

static void take_status(void *arg, enum err e, const void *body, int *fd)
{
	const struct ipc_sup_status_reply *reply = body;
	struct waiting *w = arg;
	bool healthy = e == OK && reply->healthy;

	if (e == OK && w->metrics)
		answer(w->connection, 200, "text/plain; version=0.0.4; charset=utf-8", reply->text);
	else
		answer(w->connection, healthy ? 200 : 503, "text/plain; charset=utf-8",
			healthy ? S("ok\n") : S("not healthy\n"));
	MHD_resume_connection(w->connection);
	drive(w->server);
	free(w);
}

static enum MHD_Result ask_status(struct http_server *server, struct MHD_Connection *connection, bool metrics)
{
	struct waiting *w = mem_make(struct waiting);
	const struct ipc_sup_status ask = { .format = metrics ? 1 : 0 };

	*w = (struct waiting){ server, connection, metrics };
	MHD_suspend_connection(connection);
	ipc_call(server->hub, ROLE_SUPERVISOR, 0, IPC_SUP_STATUS, &ask, -1, 0, STATUS_TIMEOUT_MS, take_status, w);
	return MHD_YES;
}

static enum MHD_Result http_get_healthz(struct http_server *server, struct MHD_Connection *connection)
{
	return ask_status(server, connection, false);
}

static enum MHD_Result http_get_metrics(struct http_server *server, struct MHD_Connection *connection)
{
	return ask_status(server, connection, true);
}

static const struct {
	const char *method, *path;
	route_fn *handler;
} routes[] = {
#define ROUTE(method, path, handler, what) { method, path, handler },
#include "http/routes.def"
#undef ROUTE
};

static enum MHD_Result take_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *upload, size_t *upload_size, void **state)
{
	bool known = false;

	if (!*state) {
		*state = connection; /* headers only so far: wait for the end of the request */
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0; /* no route takes a body */
		return MHD_YES;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		if (!str_equal(str_of(routes[i].path), str_of(url)))
			continue;
		known = true;
		if (str_equal(str_of(routes[i].method), str_of(method)) || str_equal(str_of(method), S("HEAD")))
			return routes[i].handler(arg, connection);
	}
	return answer(connection, known ? 405 : 404, "text/plain; charset=utf-8",
		known ? S("method not allowed\n") : S("not found\n"));
}

static void drive(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;

	if (MHD_run(server->daemon) != MHD_YES)
		LOG(LOG_ERROR, "http_failed", F_ERR(ERR_INTERNAL));
	if (MHD_get_timeout(server->daemon, &ms) == MHD_YES)
		loop_timer_start(server->timer, (int64_t)ms);
	else
		loop_timer_stop(server->timer);
}

static void on_ready(void *arg, int events)
{
	drive(arg);
}

static void on_timer(void *arg)
{
	drive(arg);
}

struct http_server *http_server_new(struct loop *loop, struct ipc_hub *hub)
{
	struct http_server *server = mem_make(struct http_server);
	const union MHD_DaemonInfo *info;

	server->loop = loop;
	server->hub = hub;
	server->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
		take_request, server, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	info = server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		LOG(LOG_ERROR, "http_not_started", F_ERR(ERR_INTERNAL));
		exit(1);
	}
	server->watch = loop_fd_add(loop, info->epoll_fd, on_ready, server);
	loop_fd_watch(server->watch, LOOP_READ);
	server->timer = loop_timer_add(loop, on_timer, server);
	return server;
}

void http_server_free(struct http_server **server)
{
	loop_fd_remove(&(*server)->watch);
	loop_timer_remove(&(*server)->timer);
	MHD_stop_daemon((*server)->daemon);
	free(*server);
	*server = NULL;
}

void http_server_add(struct http_server *server, int fd)
{
	struct sockaddr_storage nobody = { .ss_family = AF_UNIX };

	/* libmicrohttpd closes fd when it refuses it. */
	if (MHD_add_connection(server->daemon, fd, (struct sockaddr *)&nobody, sizeof(nobody)) == MHD_YES)
		drive(server);
}
