/* SPDX-License-Identifier: ISC */
/* The queue role: deliveries whose shard failed for now. */
#include "queue/queue.h"

#include "os/file.h"
#include "role/role.h"

static void add(void *arg, struct ipc_request *request)
{
	struct role *role = arg;

	queue_handle_add(role->own, request);
}

void role_queue(struct role *role)
{
	char dir[OS_PATH_MAX];
	struct sandbox_path paths[] = { { os_path(dir, "%s/queue", role->conf->data_dir), true } };
	struct queue_options options = queue_options_default();
	struct queue *queue = NULL;
	enum err e;

	options.dir = dir;
	options.retry_first = role->conf->queue_retry_first;
	options.retry_max = role->conf->queue_retry_max;
	options.max_message_size = (uint64_t)role->conf->message_size_max;
	role_lock_in(role, SANDBOX_FILES | SANDBOX_MEMFD, paths, 1);
	e = queue_open(&options, &queue);
	if (e != OK)
		role_die(role, "queue_not_opened", e, str_of(dir));
	role->own = queue;
	ipc_handle(role->hub, IPC_QUEUE_ADD, add);
	queue_start(queue, role->loop, role->hub);
	role_run(role);
	queue_close(&queue);
}
