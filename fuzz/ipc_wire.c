/* SPDX-License-Identifier: ISC */
/* A hub whose peer sends these bytes: at worst it loses its connection. */
#include "base/log.h"
#include "ipc/ipc.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(void *role, struct ipc_request *request)
{
	if (request->id)
		ipc_reply_error(ipc_ticket_of(request), ERR_UNAVAILABLE);
}

static void set_handlers(struct ipc_hub *hub)
{
	for (enum ipc_type type = IPC_NONE + 1; type < IPC_TYPES; type++)
		ipc_handle(hub, type, answer);
}

static void forget(void *arg, enum err e, const void *reply, int *fd)
{
}

/* Replies to this have something to belong to. */
static void ask(struct ipc_hub *hub)
{
	struct ipc_sup_metrics body = { 0 };

	ipc_call(hub, ROLE_EDGE, 0, IPC_SUP_METRICS, &body, -1, 1, 0, forget, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum role_kind self = size ? data[0] % ROLE_KINDS : ROLE_SUPERVISOR;
	struct loop *loop = loop_new();
	struct ipc_hub *hub = ipc_hub_new(loop, self, 0, NULL);
	int pair[2];

	log_setup("fuzz", 2, LOG_ERROR);
	set_handlers(hub);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
		abort();
	ipc_add_peer(hub, ROLE_EDGE, 0, pair[0]);
	if (self == ROLE_SUPERVISOR)
		ask(hub);
	if (size > 1 && send(pair[1], data + 1, size - 1, MSG_NOSIGNAL) < 0)
		size = 0;
	for (int i = 0; i < 4; i++)
		loop_poll(loop);
	close(pair[1]);
	loop_poll(loop);
	ipc_hub_free(&hub);
	loop_free(&loop);
	return 0;
}
