/* SPDX-License-Identifier: ISC */
/* The web role: HTTP over streams whose TLS edge removed. */
#include "http/server.h"
#include "role/role.h"

static void take_stream(void *arg, struct ipc_request *request)
{
	struct role *role = arg;

	if (request->fd < 0)
		return;
	http_server_add(role->own, request->fd);
	request->fd = -1;
}

void role_web(struct role *role)
{
	struct http_server *server = http_server_new(role->loop, role->hub);

	role->own = server;
	role_lock_in(role, 0, NULL, 0); /* from here: streams it is given */
	ipc_handle(role->hub, IPC_HTTP_OPEN, take_stream);
	role_run(role);
	http_server_free(&server);
}
