/* SPDX-License-Identifier: ISC */
#include "net/work.h"

#include "base/arena.h"

#include <stdlib.h>
#include <uv.h>

struct task {
	uv_work_t uv;
	loop_fn *work, *done;
	void *arg;
};

static void run_task(uv_work_t *uv)
{
	struct task *task = (struct task *)uv;

	task->work(task->arg);
}

static void end_task(uv_work_t *uv, int status)
{
	struct task *task = (struct task *)uv;

	task->done(task->arg);
	free(task);
}

void loop_work(struct loop *loop, loop_fn *work, loop_fn *done, void *arg)
{
	struct task *task = mem_make(struct task);

	task->work = work;
	task->done = done;
	task->arg = arg;
	/* The libuv loop is the first member of struct loop. */
	if (uv_queue_work((uv_loop_t *)loop, &task->uv, run_task, end_task) != 0)
		abort();
}

static void nothing(void *arg)
{
}

void loop_work_start(struct loop *loop)
{
	setenv("UV_THREADPOOL_SIZE", "2", 1);
	loop_work(loop, nothing, nothing, NULL);
}
